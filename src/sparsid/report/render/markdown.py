"""Rendering a document's text and tables as Markdown."""

from sparsid.report.document import Document, Table
from sparsid.report.render.text import text


def markdown(document: Document) -> str:
    """A Markdown page: a heading, paragraphs, and a section for each table."""
    parts = [f"# {document.title}", *document.notes]
    for table in document.tables:
        parts += [f"## {table.title}", _pipes(table)]
        if table.note:
            parts.append(table.note)
    return "\n\n".join(parts) + "\n"


def _pipes(table: Table) -> str:
    rows = [table.columns, ["---"] + ["---:"] * (len(table.columns) - 1)]
    rows += [[text(cell) for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(_one_line(cell) for cell in row)} |" for row in rows)


def _one_line(cell: str) -> str:
    """The cell in one line, with bars escaped."""
    return " ".join(cell.replace("|", "\\|").split())
