"""Tables as Markdown, read back by a plain split."""

import pytest

from sparsid.report.document import Document, Table
from sparsid.report.render.markdown import markdown


def test_every_cell_stands_in_its_place():
    table = Table("Weights", ("name", "zero\n%"), [("a | b", 12.5), ("c", None)], "A note.")
    text = markdown(Document("Study", ("One.", "Two."), (table,)))
    blocks = text.split("\n\n")
    assert blocks[:4] == ["# Study", "One.", "Two.", "## Weights"]
    assert blocks[4].splitlines() == [
        "| name | zero % |",
        "| --- | ---: |",
        "| a \\| b | 12.5 |",
        "| c | - |",
    ]
    assert blocks[5] == "A note.\n"


@pytest.mark.parametrize("tables", [(), (Table("t", ("a",), []),)])
def test_little_is_still_a_page(tables):
    assert markdown(Document("T", tables=tables)).startswith("# T\n")
