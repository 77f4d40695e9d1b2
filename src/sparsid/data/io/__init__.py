"""Datasets in files: one module per format, registered in `sparsid.data.formats`."""
