"""Numbers that may differ by what a weight's column carries."""

from collections.abc import Mapping
from typing import TypedDict

from sparsid._errors import SparsidError
from sparsid.architectures import ROLES


class OwnNumbers(TypedDict, total=False):
    """A number of its own for the columns of each role; None or absent: the common one.

    `first` are the inputs' columns of the first layer, `hidden` those of hidden units, `skip` the
    inputs' columns of later layers, of which `direct` are the last layer's (the linear path from
    inputs to outputs; as `skip` if not given), and `output` the last layer's of hidden units.
    """

    first: float | None
    hidden: float | None
    skip: float | None
    direct: float | None
    output: float | None


def by_role(common: float, own: OwnNumbers | Mapping[str, float | None]) -> dict[str, float]:
    """The number of every role, `common` where it has none of its own.

    Raises SparsidError for a negative one.
    """
    given = {role: number for role, number in own.items() if number is not None}
    if min(common, *given.values(), 0.0) < 0:  # pyright: ignore[reportArgumentType]
        raise SparsidError(
            "Strengths and thresholds must be at least 0; got "
            f"{', '.join(f'{number:g}' for number in (common, *given.values()))}."
        )
    if "skip" in given:
        given = {"direct": given["skip"]} | given
    return {role: given.get(role, common) for role in ROLES}  # pyright: ignore[reportReturnType]
