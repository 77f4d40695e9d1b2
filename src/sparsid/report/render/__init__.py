"""Renderers of documents, one module per output format: text, Markdown, console, page, drawings.

Renderers compute nothing; Matplotlib and Jinja2 are imported on first use.
"""
