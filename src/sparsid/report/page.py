"""One self-contained HTML page: tables, figures and links to the files beside it."""

import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from sparsid._errors import SparsidError
from sparsid._files import written_whole
from sparsid.report.style import Saved

SVG_UP_TO = 500_000  # bytes; a larger drawing is shown as its PNG


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header; cells are shown as `str` writes them, None as a dash."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A saved figure with what is said about it."""

    title: str
    saved: Saved
    caption: str = ""


def write_page(
    path: str | Path,
    *,
    title: str,
    intro: str | Sequence[str],
    tables: Sequence[Table] = (),
    figures: Sequence[Picture] = (),
    files: Mapping[str | Path, str] | None = None,
) -> Path:
    """Writes the page and returns where. It loads nothing: figures are embedded.

    `intro` is a paragraph or several; `files` maps paths to what they are. Links are relative to
    the page. Raises SparsidError for a row that does not fit its header, a picture that is not
    there, or a place that cannot be written to.
    """
    path = Path(path)
    for table in tables:
        _check(table)
    text = _template().render(
        title=title,
        intro=[intro] if isinstance(intro, str) else list(intro),
        tables=[_shown(table) for table in tables],
        figures=[_embedded(picture, path) for picture in figures],
        files=[
            {"link": _link(file, path), "name": _beside(file, path), "text": said}
            for file, said in (files or {}).items()
        ],
    )
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def _template():
    from jinja2 import Environment, StrictUndefined

    source = resources.files("sparsid.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(source)


def _check(table: Table) -> None:
    for i, row in enumerate(table.rows):
        if len(row) != len(table.header):
            raise SparsidError(
                f"Every row of the table {table.title!r} needs {len(table.header)} cells, as its "
                f"header has; row {i} has {len(row)}."
            )


def _shown(table: Table) -> Table:
    rows = [["–" if cell is None else str(cell) for cell in row] for row in table.rows]
    return Table(table.title, table.header, rows, table.note)


def _embedded(picture: Picture, page: Path) -> dict[str, str]:
    drawing, pixels = picture.saved.svg, picture.saved.png
    try:
        small = drawing.stat().st_size <= SVG_UP_TO
        content = (drawing if small else pixels).read_bytes()
    except OSError as error:
        raise SparsidError(
            f"Cannot read the picture {drawing}: {error.strerror}; save the figure first."
        ) from None
    kind = "svg+xml" if small else "png"
    return {
        "title": picture.title,
        "caption": picture.caption,
        "data": f"data:image/{kind};base64,{b64encode(content).decode()}",
        "png": _link(pixels, page),
        "svg": _link(drawing, page),
    }


def _beside(file: str | Path, page: Path) -> str:
    """The file's path as seen from the page's folder."""
    return Path(os.path.relpath(file, page.parent)).as_posix()


def _link(file: str | Path, page: Path) -> str:
    # The leading ./ keeps a name with a colon from being read as a scheme.
    return "./" + quote(_beside(file, page))
