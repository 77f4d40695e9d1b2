"""Documents, figures as data, and their renderers. No JAX.

A document (`report.document`) holds notes, tables of typed cells, figures (`report.figures`) and
files. `report.render` has a module for each output format: `text` (one cell), `console`,
`markdown`, `page` and `drawing`.
"""
