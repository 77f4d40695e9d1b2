"""Renderers of documents, a module for each target: text, Markdown, console, page, drawings.

None of them computes; Matplotlib and Jinja2 are imported where they are used.
"""
