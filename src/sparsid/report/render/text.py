"""One cell of a table as text, the same for every output format."""

from sparsid.report.document import (
    Cell,
    Count,
    Interval,
    Quantity,
    Range,
    Several,
    Share,
    Spread,
)

DASH = "-"  # stands for None and NaN


def number(
    value: float | None, digits: int = 3, *, signed: bool = False, decimals: int | None = None
) -> str:
    """A number with `digits` significant digits, or `decimals` decimals; None and NaN: a dash."""
    if value is None or value != value:
        return DASH
    style = f".{digits}g" if decimals is None else f".{decimals}f"
    return f"{value:{'+' if signed else ''}{style}}"


def text(cell: Cell) -> str:
    """The text of a cell.

    >>> text(Share(0.123, 0.1, 0.15)), text(Spread(0.12, 0.034)), text(Count(3, 40))
    ('12.3 [10, 15]', '0.12 ± 0.034', '3 of 40')
    """
    match cell:
        case None:
            return DASH
        case Quantity(value, digits, signed, decimals, unit):
            shown = number(value, digits, signed=signed, decimals=decimals)
            return shown if shown == DASH else shown + unit
        case Range(low, high, digits, decimals, unit):
            ends = (number(end, digits, decimals=decimals) + unit for end in (low, high))
            return " to ".join(ends)
        case Interval(value, low, high, digits, signed):
            return _interval(value, low, high, digits, signed)
        case Share(value, low, high, digits, signed):
            return _interval(_percent(value), _percent(low), _percent(high), digits, signed)
        case Spread(mean, deviation, digits):
            shown = number(mean, digits)
            return shown if shown == DASH else f"{shown} ± {number(deviation, digits - 1)}"
        case Several(values, digits):
            return ", ".join(number(value, digits) for value in values)
        case Count(count, of):
            return f"{count} of {of}"
        case float():
            return number(cell)
    return str(cell)


def _interval(
    value: float | None, low: float | None, high: float | None, digits: int, signed: bool
) -> str:
    """A value, with its interval in brackets if it has one."""
    shown = number(value, digits, signed=signed)
    if shown == DASH or low is None or high is None:
        return shown
    ends = (number(end, digits, signed=signed) for end in (low, high))
    return f"{shown} [{', '.join(ends)}]"


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
