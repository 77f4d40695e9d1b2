"""The old names of `sparsid.report`, for callers that make no documents yet. To be deleted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparsid._errors import SparsidError
from sparsid._files import make_folder
from sparsid.report import figures as kinds
from sparsid.report.document import Document, Figure
from sparsid.report.document import Table as NewTable
from sparsid.report.figures import Bounds as Interval
from sparsid.report.figures import Curves, PathCurve, Seeds, SizePanel
from sparsid.report.render import markdown as markdown_
from sparsid.report.render import page as page_
from sparsid.report.render.drawing import Saved, draw, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawn


@dataclass(frozen=True)
class Table:
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""


@dataclass(frozen=True)
class Picture:
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
    path = Path(path)
    for table in tables:
        for i, row in enumerate(table.rows):
            if len(row) != len(table.header):
                raise SparsidError(
                    f"Every row of the table {table.title!r} needs {len(table.header)} cells, as "
                    f"its header has; row {i} has {len(row)}."
                )
    return page_.write_html(
        path,
        title=title,
        intro=[intro] if isinstance(intro, str) else list(intro),
        tables=[
            {
                "title": t.title,
                "columns": t.header,
                "rows": [["–" if c is None else str(c) for c in row] for row in t.rows],
                "note": t.note,
            }
            for t in tables
        ],
        figures=[page_.embedded(p.title, p.caption, p.saved, path) for p in figures],
        files=[page_.linked(file, said, path) for file, said in (files or {}).items()],
    )


def study_page(
    folder: str | Path,
    *,
    title: str,
    note: str | Sequence[str],
    tables: Sequence[Table] = (),
    figures: "Sequence[tuple[str, str, Drawn]]" = (),
    files: Mapping[str | Path, str] | None = None,
) -> Path:
    page_.check_names([name for name, _, _ in figures])
    folder = Path(folder)
    make_folder(folder / "figures" if figures else folder)
    pictures = [
        Picture(
            page_.heading(Figure(name, "", "", None)),  # pyright: ignore[reportArgumentType]
            save(figure, folder / "figures", name),
            caption,
        )
        for name, caption, figure in figures
    ]
    page = folder / "index.html"
    return write_page(page, title=title, intro=note, tables=tables, figures=pictures, files=files)


def markdown(title: str, paragraphs: Sequence[str], tables: Sequence[Table]) -> str:
    new = [
        NewTable(
            t.title, t.header, [[c if c is None else str(c) for c in r] for r in t.rows], t.note
        )
        for t in tables
    ]
    return markdown_.markdown(Document(title, tuple(paragraphs), tuple(new)))


def _drawn(kind: Callable[..., Any]) -> "Callable[..., Drawn]":
    return lambda *data, title=None, **more: draw(kind(*data, **more), title=title)


against_size = _drawn(kinds.AgainstSize)
agreement = _drawn(kinds.PublishedComparison)
distributions = _drawn(kinds.ErrorDistributions)
diverged_share = _drawn(kinds.DivergedShares)
error_growth = _drawn(kinds.ErrorGrowth)
error_violins = _drawn(kinds.ErrorViolins)
inputs = _drawn(kinds.Inputs)
link_matrix = _drawn(kinds.LinkMatrix)
network = _drawn(kinds.NetworkDiagram)
pairs = _drawn(kinds.Differences)
pruning_paths = _drawn(kinds.PruningPaths)
saliencies = _drawn(kinds.Saliencies)
sparsity_against_error = _drawn(kinds.SparsityAgainstError)
training_history = _drawn(kinds.TrainingHistory)
trajectories = _drawn(kinds.Trajectories)

__all__ = [
    "Curves",
    "Interval",
    "PathCurve",
    "Picture",
    "Saved",
    "Seeds",
    "SizePanel",
    "Table",
    "against_size",
    "agreement",
    "distributions",
    "diverged_share",
    "error_growth",
    "error_violins",
    "inputs",
    "link_matrix",
    "markdown",
    "network",
    "pairs",
    "pruning_paths",
    "saliencies",
    "save",
    "sparsity_against_error",
    "study_page",
    "training_history",
    "trajectories",
    "write_page",
]
