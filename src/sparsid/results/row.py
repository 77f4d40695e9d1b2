"""One result: its specification, numbers and series, as strict JSON. Reading runs no code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sparsid._errors import SparsidError
from sparsid.results.digest import digest

FORMAT = "sparsid-row"
SCHEMA = 1


@dataclass(frozen=True)
class Row:
    """The result of one cell; `key` is the digest of `specification`, which holds the seed.

    `name` is the name of the configuration when the row was written; it may change and is not part
    of the key. `numbers` are finite or None; `series` are float64 arrays of any shape, in which NaN
    and infinity are allowed. `timings` are in s; only they differ when a cell runs again.
    """

    specification: dict[str, Any]
    name: str
    numbers: dict[str, float | None]
    series: dict[str, np.ndarray] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return digest(self.specification)

    @property
    def seed(self) -> int:
        return self.specification["seed"]

    def to_json(self) -> str:
        """The row as strict JSON (docs/file-format.md). Raises SparsidError for invalid numbers."""
        content = {
            "format": FORMAT,
            "schema": SCHEMA,
            "key": self.key,
            "name": self.name,
            "specification": self.specification,
            "numbers": {n: None if v is None else float(v) for n, v in self.numbers.items()},
            "series": {name: _packed(array) for name, array in self.series.items()},
            "timings": self.timings,
            "versions": self.versions,
        }
        try:
            return json.dumps(content, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise SparsidError(f"Numbers of a row must be finite or None ({error}).") from None

    @classmethod
    def from_json(cls, text: str) -> "Row":
        """The row in `text`. Raises ValueError if it is invalid or its key does not match."""
        content = json.loads(text, parse_constant=_refuse_constant)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError("it is not a row of results")
        schema = content.get("schema")
        if type(schema) is not int:
            raise ValueError("its schema is missing")
        if schema > SCHEMA:
            raise NewerSchema(schema)
        row = cls(
            _typed(content, "specification", dict),
            _typed(content, "name", str),
            {n: _number(v) for n, v in _typed(content, "numbers", dict).items()},
            {n: _unpacked(v) for n, v in _typed(content, "series", dict).items()},
            {n: float(v) for n, v in _typed(content, "timings", dict).items()},
            {n: str(v) for n, v in _typed(content, "versions", dict).items()},
        )
        if row.key != content.get("key"):
            raise ValueError("its key does not match its specification")
        if type(row.specification.get("seed")) is not int:
            raise ValueError("its specification has no seed")
        return row


class NewerSchema(Exception):  # noqa: N818  not an error of the file
    """The row was written by a later version; the argument is its schema."""


def _packed(array: np.ndarray) -> dict[str, Any]:
    """{"shape", "values"}: row-major; null for NaN, "inf" and "-inf" for infinities."""
    array = np.asarray(array, np.float64)
    values = array.ravel().tolist()
    if not np.isfinite(array).all():
        values = [_spelt(value) for value in values]
    return {"shape": list(array.shape), "values": values}


def _spelt(value: float) -> float | str | None:
    if np.isnan(value):
        return None
    return value if np.isfinite(value) else ("inf" if value > 0 else "-inf")


_SPELT = {None: np.nan, "inf": np.inf, "-inf": -np.inf}


def _unpacked(content: Mapping[str, Any]) -> np.ndarray:
    shape, values = _typed(content, "shape", list), _typed(content, "values", list)
    read = [_SPELT[v] if v is None or isinstance(v, str) else _number(v) for v in values]
    return np.array(read, np.float64).reshape([int(length) for length in shape])


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _typed(content: Any, name: str, kind: type) -> Any:
    if not isinstance(content, Mapping) or not isinstance(content.get(name), kind):
        raise ValueError(f"its `{name}` is missing or of the wrong type")
    return content[name]


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
