"""The tables of docs/studies.md say what the options say."""

from tools.docs import PAGE, PLACE, TABLES, renewed


def test_the_page_is_that_of_the_options():
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page, "python -m tools.docs writes the page anew"


def test_every_table_has_its_place():
    assert {place["name"] for place in PLACE.finditer(PAGE.read_text("utf-8"))} == set(TABLES)


def test_types_defaults_and_meanings_are_those_of_the_fields():
    """Rows written out by hand, one of each kind."""
    rows = {name: set(make()) for name, make in TABLES.items()}
    for name, row in (
        ("phase", "| `momentum` | 0 ≤ number < 1 | 0.0 | of SGD |"),
        ("phase", "| `epochs` | integer ≥ 1 | – | passes over the training data |"),
        (
            "phase",
            '| `loss` | `"free-run"`, `"one-step"` | `"one-step"` | prediction that is compared '
            "with the record |",
        ),
        (
            "rate",
            '| `kind` | `"constant"`, `"cosine"`, `"ramp"`, `"step"` | `"constant"` | schedule '
            "over the phase |",
        ),
        (
            "rate",
            "| `whole` | integer ≥ 1 | none | epochs that the schedule spans; none: those of the "
            "phase |",
        ),
        ("methods", "| `l1` | `weight`, roles | number ≥ 0 | 0.0 | strength of the penalty |"),
        ("derivative", "| `skip` | true, false | false | inputs enter every layer |"),
        ("retrain", "| `iterations` | integer ≥ 1 | 50 | maximum number |"),
    ):
        assert row in rows[name]
