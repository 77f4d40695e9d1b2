"""A document as one self-contained HTML page, with its figures as files beside it."""

import os
import re
from base64 import b64encode
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from sparsid._errors import SparsidError
from sparsid._files import make_folder, written_whole
from sparsid.report.document import Document, Figure, Table
from sparsid.report.render.drawing import Saved, draw, save
from sparsid.report.render.text import text

SVG_UP_TO = 500_000  # bytes; a larger drawing is shown as its PNG
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def write_page(document: Document, path: str | Path) -> Path:
    """Writes the page and returns where; figures become PNG and SVG in `figures` beside it.

    The page loads nothing: figures are embedded. Links are relative to it. Raises SparsidError for
    a figure whose name is no plain file name or comes twice, before anything is written, and for a
    place that cannot be written to.
    """
    path = Path(path)
    check_names([figure.name for figure in document.figures])
    shelf = path.parent / "figures"
    make_folder(shelf if document.figures else path.parent)
    pictures = [(f, save(draw(f.drawing), shelf, f.name)) for f in document.figures]
    return write_html(
        path,
        title=document.title,
        intro=document.notes,
        tables=[_strings(table) for table in document.tables],
        figures=[embedded(heading(f), f.caption, saved, path) for f, saved in pictures],
        files=[linked(file.path, file.text, path) for file in document.files],
    )


def write_html(path: Path, **parts: object) -> Path:
    """Fills the template."""
    from jinja2 import Environment, StrictUndefined

    source = resources.files("sparsid.report.render").joinpath("page.html.j2")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    filled = environment.from_string(source.read_text(encoding="utf-8")).render(**parts)
    with written_whole(path) as part:
        part.write_text(filled, encoding="utf-8")
    return path


def check_names(names: list[str]) -> None:
    """Raises SparsidError unless each name of a figure can name files of its own."""
    seen: set[str] = set()
    for name in names:
        if not NAME.fullmatch(name):
            raise SparsidError(
                "The name of a figure names its files: letters, digits, '-', '_' and '.', with a "
                f"letter or digit first; got {name!r}."
            )
        if name.lower() in seen:  # some file systems see no difference
            raise SparsidError(f"Two figures are named {name!r}; give each a name of its own.")
        seen.add(name.lower())


def heading(figure: Figure) -> str:
    """The figure's title, or its name with spaces."""
    spaced = figure.name.replace("_", " ").replace("-", " ")
    return figure.title or spaced[:1].upper() + spaced[1:]


def embedded(title: str, caption: str, saved: Saved, page: Path) -> dict[str, str]:
    """A picture for the template. Raises SparsidError if its files cannot be read."""
    try:
        small = saved.svg.stat().st_size <= SVG_UP_TO
        content = (saved.svg if small else saved.png).read_bytes()
    except OSError as error:
        raise SparsidError(
            f"Cannot read the picture {saved.svg}: {error.strerror}; save the figure first."
        ) from None
    kind = "svg+xml" if small else "png"
    return {
        "title": title,
        "caption": caption,
        "data": f"data:image/{kind};base64,{b64encode(content).decode()}",
        "png": _link(saved.png, page),
        "svg": _link(saved.svg, page),
    }


def linked(file: str | Path, said: str, page: Path) -> dict[str, str]:
    """A file for the template."""
    return {"link": _link(file, page), "name": _beside(file, page), "text": said}


def _strings(table: Table) -> dict[str, object]:
    rows = [[text(cell) for cell in row] for row in table.rows]
    return {"title": table.title, "columns": table.columns, "rows": rows, "note": table.note}


def _beside(file: str | Path, page: Path) -> str:
    """The file's path as seen from the page's folder."""
    return Path(os.path.relpath(file, page.parent)).as_posix()


def _link(file: str | Path, page: Path) -> str:
    # The leading ./ keeps a name with a colon from being read as a scheme.
    return "./" + quote(_beside(file, page))
