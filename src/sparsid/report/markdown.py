"""Tables as Markdown, for a text that people keep."""

from collections.abc import Sequence

from sparsid.report.page import Table


def markdown(title: str, paragraphs: Sequence[str], tables: Sequence[Table]) -> str:
    """A page of Markdown: a heading, paragraphs, and a section for each table."""
    parts = [f"# {title}", *paragraphs]
    for table in tables:
        parts += [f"## {table.title}", _pipes(table)]
        if table.note:
            parts.append(table.note)
    return "\n\n".join(parts) + "\n"


def _pipes(table: Table) -> str:
    rows = [table.header, ["---"] + ["---:"] * (len(table.header) - 1), *table.rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)


def _cell(cell: object) -> str:
    """One line in which a bar does not end the cell."""
    return "-" if cell is None else " ".join(str(cell).replace("|", "\\|").split())
