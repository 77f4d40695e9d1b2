"""What the documents of all tasks share: title, notes and names of figures."""

from collections.abc import Iterable, Iterator
from typing import Any

from sparsid.report.document import Document, Figure, File, Table
from sparsid.report.figures import Drawing

type Drawn = tuple[str, str, Drawing]  # file name without suffix, caption, data of the figure

LONGEST = 60  # characters of a configuration's name in a file name


def document_of(
    results: Any, tables: Iterable[Table], drawn: Iterable[Drawn], files: Iterable[File] = ()
) -> Document:
    """The document of a study's results: title, notes, and the task's tables, figures and files."""
    study = results.study
    own = File(results.folder / "study.json", "the study's specification")
    return Document(
        study.title or study.name,
        _notes(results),
        tuple(table for table in tables if table.rows),
        tuple(unique_names(drawn)),
        (own, *files),
    )


def _notes(results: Any) -> tuple[str, ...]:
    """The study's note, the number of stored cells, and the package versions they ran with."""
    rows = [row for found in results.configurations for row in found.rows]
    versions = sorted({" ".join(f"{k} {v}" for k, v in row.versions.items()) for row in rows})
    stored = f"{len(rows)} of {len(rows) + results.missing} cells are in these tables."
    return tuple(text for text in (results.study.note, stored, "; ".join(versions)) if text)


def unique_names(drawn: Iterable[Drawn]) -> Iterator[Figure]:
    """Figures with unique names: the second "states" becomes "states_2"."""
    taken: set[str] = set()
    for name, caption, drawing in drawn:
        own, at = name, 1
        while own in taken:
            at += 1
            own = f"{name}_{at}"
        taken.add(own)
        yield Figure(own, _heading(own), caption, drawing)


def file_name(text: str) -> str:
    """ASCII letters, digits and underscores; not unique (see `unique_names`)."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in text.lower())[:LONGEST]


def _heading(name: str) -> str:
    """A figure's heading from its file name: "Runs dense" from "runs_dense"."""
    spaced = name.replace("_", " ").replace("-", " ")
    return spaced[:1].upper() + spaced[1:]
