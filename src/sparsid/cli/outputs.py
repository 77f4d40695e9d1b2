"""Checks of output files: neither inputs nor files of other programs may be overwritten."""

import json
import os
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from sparsid._errors import SparsidError
from sparsid._files import check_writable, make_folder
from sparsid.study.tasks.simulate.exits import HEADER as EXITS_HEADER

Force = Annotated[
    bool, typer.Option("--force", help="Replace files that sparsid did not write, except inputs.")
]

LATEX = "% Written by sparsid\n"
MARKDOWN = "<!-- Written by sparsid -->\n\n"

HEAD = 8192  # bytes read to recognise a file
# How text files written by sparsid begin.
_TEXTS = (
    re.compile(rb"trajectory,time \[s\]"),
    re.compile(EXITS_HEADER.encode()),
    re.compile(rb'\{\s*"format": "sparsid-'),
    re.compile(re.escape(LATEX.encode())),
    re.compile(re.escape(MARKDOWN.strip().encode())),
    re.compile(rb'<!DOCTYPE html>(?s:.)*<meta name="generator" content="sparsid">'),
    # Pages of older versions name no generator; they all have this style.
    re.compile(rb"<!DOCTYPE html>(?s:.)*--paper: #ffffff; --ink: #222222; --muted: #666666;"),
    re.compile(rb"<\?xml(?s:.)*<dc:creator>\s*<cc:Agent>\s*<dc:title>sparsid</dc:title>"),
    re.compile(rb"\x89PNG(?s:.)*Software\x00sparsid"),
)


def check_outputs(
    outputs: Iterable[str | Path], *, inputs: Iterable[str | Path] = (), force: bool = False
) -> None:
    """Raises SparsidError unless all `outputs` can be written without destroying other files.

    An output may be neither one of the `inputs` nor another output, also through links. With
    `force` it may replace a file that sparsid did not write.
    """
    outputs, inputs = [Path(path) for path in outputs], [Path(path) for path in inputs]
    for at, path in enumerate(outputs):
        check_writable(path)
        for given in inputs:
            if _same(path, given):
                raise SparsidError(
                    f"Cannot write {path}: an output may not replace an input, and {given} is an "
                    "input; choose another name for the output."
                )
        if any(_same(path, other) for other in outputs[:at]):
            raise SparsidError(
                f"Cannot write {path}: two outputs have this name; choose another name for one of "
                "them."
            )
        if not force and path.exists() and not written_by_sparsid(path):
            raise SparsidError(
                f"Cannot write {path}: the file exists and sparsid did not write it; choose "
                "another name for the output, or replace the file with --force."
            )


def written_by_sparsid(path: Path) -> bool:
    """Whether a file is in one of sparsid's formats, or empty."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
        if head[:2] == b"PK":
            return _is_model(path)
        if head[:4] == b"\x89HDF":
            return _is_dataset(path)
        if head[:4] == b"PAR1":
            return _is_table(path)
    except Exception:  # many kinds of damage; an unreadable file is not known to be ours
        return False
    return not head or any(text.match(head) for text in _TEXTS)


def check_figures(folder: Path, names: Iterable[str], *, force: bool = False) -> None:
    """The same for figures saved in `folder`, which is created: an SVG and a PNG per name."""
    make_folder(folder)
    outputs = []
    for name in names:
        drawing = folder / f"{name}.svg"
        outputs.append(drawing)
        # Older versions marked only the SVG: if it is ours, so is the PNG of that name.
        if not (drawing.is_file() and written_by_sparsid(drawing)):
            outputs.append(folder / f"{name}.png")
    check_outputs(outputs, force=force)


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def _is_model(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive, archive.open("header.json") as header:
        return json.load(header).get("format") == "sparsid-model"


def _is_dataset(path: Path) -> bool:
    import h5py

    with h5py.File(path, "r") as file:
        return "sparsid_format" in file.attrs


def _is_table(path: Path) -> bool:
    import pyarrow.parquet

    return pyarrow.parquet.read_schema(path).names[:2] == ["trajectory", "time [s]"]
