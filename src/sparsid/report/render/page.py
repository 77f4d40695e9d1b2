"""Rendering a document as one self-contained HTML page, and its figures as files."""

import os
import re
from base64 import b64encode
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from sparsid._errors import SparsidError
from sparsid._files import atomic_write, make_folder
from sparsid.report.document import Cell, Document, Figure, File
from sparsid.report.render.drawing import draw, save
from sparsid.report.render.text import text

SVG_UP_TO = 500_000  # bytes; a larger drawing is shown as its PNG
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def write_page(document: Document, path: str | Path) -> Path:
    """Writes the page and returns its path; figures are saved as PNG and SVG in `figures`.

    The page loads no other files: figures are embedded. Links are relative to it. Raises
    SparsidError for an invalid or repeated figure name, before anything is written, and if a file
    cannot be written.
    """
    from jinja2 import Environment, StrictUndefined

    path = Path(path)
    _check_names(figure.name for figure in document.figures)
    make_folder(path.parent / "figures" if document.figures else path.parent)
    source = resources.files("sparsid.report.render").joinpath("page.html.j2")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    page = environment.from_string(source.read_text(encoding="utf-8")).render(
        document=document,
        pictures=[_picture(figure, path.parent) for figure in document.figures],
        files=[_linked(file, path.parent) for file in document.files],
        text=text,
        kind=_kind,
    )
    with atomic_write(path) as part:
        part.write_text(page, encoding="utf-8")
    return path


def _check_names(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if not NAME.fullmatch(name):
            raise SparsidError(
                "The name of a figure may contain letters, digits, '-', '_' and '.', and must "
                f"begin with a letter or digit; got {name!r}."
            )
        if name.lower() in seen:  # some file systems ignore case
            raise SparsidError(f"Two figures are named {name!r}; use unique names.")
        seen.add(name.lower())


def _picture(figure: Figure, folder: Path) -> dict[str, str]:
    """Draws and saves the figure; returns the values for the template."""
    saved = save(draw(figure.drawing), folder / "figures", figure.name)
    small = saved.svg.stat().st_size <= SVG_UP_TO
    content = (saved.svg if small else saved.png).read_bytes()
    data = f"data:image/{'svg+xml' if small else 'png'};base64,{b64encode(content).decode()}"
    links = {"png": _link(saved.png, folder), "svg": _link(saved.svg, folder)}
    return {"title": figure.title, "caption": figure.caption, "data": data, **links}


def _kind(cell: Cell) -> str:
    """The CSS class of a cell: words may be wrapped, numbers may not."""
    return "words" if isinstance(cell, str) else "numbers"


def _linked(file: File, folder: Path) -> dict[str, str]:
    return {
        "link": _link(file.path, folder),
        "name": _relative(file.path, folder),
        "text": file.text,
    }


def _relative(file: Path, folder: Path) -> str:
    """The file's path relative to the page's folder."""
    return Path(os.path.relpath(file, folder)).as_posix()


def _link(file: Path, folder: Path) -> str:
    # Without the leading ./ a name with a colon would be read as a scheme.
    return "./" + quote(_relative(file, folder))
