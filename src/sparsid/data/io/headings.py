"""Column headings of a table: a name and, in square brackets, a unit."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sparsid._errors import SparsidError
from sparsid._registry import unknown

_WITH_UNIT = re.compile(r"(?P<name>.*\S)\s*\[(?P<unit>[^\[\]]*)\]")
_INDEX = re.compile(r"[\d\s,:]+")


@dataclass(frozen=True)
class Heading:
    """A heading as written, with its name and unit (None: not stated)."""

    written: str
    name: str
    unit: str | None = None

    @classmethod
    def parse(cls, written: str) -> "Heading":
        """`T1 [degC]` is the name T1 and the unit degC; the digits in `x[0]` are no unit."""
        written = written.strip()
        found = _WITH_UNIT.fullmatch(written)
        if not found or _INDEX.fullmatch(found["unit"]):
            return cls(written, written)
        return cls(written, found["name"], found["unit"].strip() or None)


def parse_headings(written: Sequence[str]) -> tuple[Heading, ...]:
    """All headings of a table; columns that differ only in unit keep it in their name."""
    headings = [Heading.parse(text) for text in written]
    names = [heading.name for heading in headings]
    return tuple(
        h if names.count(h.name) == 1 else Heading(h.written, h.written, h.unit) for h in headings
    )


def with_unit(name: str, unit: str | None) -> str:
    """The heading of a channel; the inverse of `Heading.parse`."""
    return f"{name} [{unit}]" if unit else name


def find(asked: str, headings: Sequence[Heading], where: str) -> tuple[int, str | None]:
    """Index and unit of the requested column, named with or without its unit.

    Raises SparsidError for a column that is missing, ambiguous or in another unit.
    """
    wish = Heading.parse(asked)
    for candidates in (
        [i for i, h in enumerate(headings) if h.written == wish.written],
        [i for i, h in enumerate(headings) if h.name == wish.written],
        [i for i, h in enumerate(headings) if Heading.parse(h.written).name == wish.name],
    ):
        if len(candidates) > 1:
            raise SparsidError(
                f"The column {asked!r} occurs {len(candidates)} times in {where}; give its "
                "full heading, or rename the others."
            )
        if candidates:
            return candidates[0], _agreed_unit(wish, headings[candidates[0]], where)
    known = [h.written for h in headings if h.written]
    raise SparsidError(unknown(f"column of {where}:", asked, known))


def _agreed_unit(wish: Heading, heading: Heading, where: str) -> str | None:
    if wish.unit and heading.unit and wish.unit != heading.unit:
        raise SparsidError(
            f"The column {heading.name} of {where} is in {heading.unit}, not in {wish.unit}; "
            "request it by name only, or convert it."
        )
    return heading.unit or wish.unit
