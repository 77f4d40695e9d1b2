"""What people look at: documents, figures as data, and renderers. No JAX.

A document (`report.document`) holds notes, tables of typed cells, figures (`report.figures`) and
files. `report.render` has a module for each target that shows it: `text` (one cell), `console`,
`markdown`, `page` and `drawing`.
"""
