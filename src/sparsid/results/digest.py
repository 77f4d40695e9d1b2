"""What names a result: the sha256 of its whole specification."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sparsid._errors import SparsidError


def canonical(value: Any) -> str:
    """JSON with sorted keys and no whitespace: equal values give equal text.

    A whole number and a fraction differ (1 and 1.0), as their types do. Raises SparsidError for
    what JSON does not hold: numbers that are not finite, keys that are no texts, other objects.
    """
    _check_keys(value)
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SparsidError(
            "A specification holds texts, finite numbers, true, false, null, lists and tables "
            f"only; got something else ({error})."
        ) from None


def digest(specification: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON of `specification`, in 64 hexadecimal digits.

    Raises SparsidError for what JSON does not hold.
    """
    return hashlib.sha256(canonical(dict(specification)).encode()).hexdigest()


def _check_keys(value: Any) -> None:
    """JSON would turn the key 1 into "1" without a word, and two keys might then be one."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise SparsidError(f"Keys of a specification must be texts; got {key!r}.")
            _check_keys(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_keys(inner)
