"""Datasets in files: one module a format, found by `sparsid.data.formats`."""
