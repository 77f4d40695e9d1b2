"""sparsid info"""

from pathlib import Path
from typing import Annotated

import typer

from sparsid._errors import SparsidError
from sparsid.cli.console import show


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model file or NetCDF dataset.")],
) -> None:
    """Shows the contents of a model file or a dataset.

    Example: `sparsid info plant.sparsid`
    """
    from sparsid.architectures import read_file
    from sparsid.data.formats import READERS, TABLES, suffix_of
    from sparsid.identify.documents import dataset_document, model_document

    suffix = suffix_of(file)
    if suffix in TABLES:
        raise SparsidError(
            f"{file} is a table, which does not define states and inputs; `info` shows model files "
            "and NetCDF datasets."
        )
    if suffix in READERS:
        show(dataset_document(file, READERS[suffix](file)))
    else:
        show(model_document(file, read_file(file)))
