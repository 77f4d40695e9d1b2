"""The page of a study: its figures as files, its tables, and one page that holds them all."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sparsid._errors import SparsidError
from sparsid._files import make_folder
from sparsid.report.page import Picture, Table, write_page
from sparsid.report.style import save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def study_page(
    folder: str | Path,
    *,
    title: str,
    note: str | Sequence[str],
    tables: Sequence[Table] = (),
    figures: "Sequence[tuple[str, str, Figure]]" = (),
    files: Mapping[str | Path, str] | None = None,
) -> Path:
    """Writes `folder`/index.html, and each figure as PNG and SVG into `folder`/figures.

    A figure comes with its name, which is that of its files and, spaced, its heading, and with its
    caption. `note` is a paragraph or several; `files` maps paths to what they are. Returns the
    page, which shows all figures by itself. Raises SparsidError for a name that is no plain file
    name or comes twice, before anything is written.
    """
    _check([name for name, _, _ in figures])
    folder = Path(folder)
    shelf = folder / "figures"
    make_folder(shelf if figures else folder)
    pictures = [
        Picture(_heading(name), save(figure, shelf, name), caption)
        for name, caption, figure in figures
    ]
    return write_page(
        folder / "index.html",
        title=title,
        intro=note,
        tables=tables,
        figures=pictures,
        files=files,
    )


def _check(names: Sequence[str]) -> None:
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


def _heading(name: str) -> str:
    spaced = name.replace("_", " ").replace("-", " ")
    return spaced[:1].upper() + spaced[1:]
