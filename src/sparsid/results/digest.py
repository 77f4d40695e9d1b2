"""The key of a result: the SHA-256 of its complete specification."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sparsid._errors import SparsidError


def canonical(value: Any) -> str:
    """JSON with sorted keys and no whitespace: equal values give equal text.

    An integer and a float differ (1 and 1.0). Raises SparsidError for what JSON cannot represent:
    NaN and infinite numbers, keys that are not strings, other objects.
    """
    _check_keys(value)
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SparsidError(
            "A specification may hold only texts, finite numbers, true, false, null, lists and "
            f"tables ({error})."
        ) from None


def digest(specification: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of `specification`, in 64 hexadecimal digits.

    Raises SparsidError for what JSON cannot represent.
    """
    return hashlib.sha256(canonical(dict(specification)).encode()).hexdigest()


def _check_keys(value: Any) -> None:
    """Refuses other keys than strings: JSON would silently turn 1 into "1"."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise SparsidError(f"Keys of a specification must be texts; got {key!r}.")
            _check_keys(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_keys(inner)
