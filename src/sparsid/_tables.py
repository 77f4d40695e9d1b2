"""Tables of TOML as frozen objects, and one sentence for what is wrong with one."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Tag, ValidationError

from sparsid._errors import SparsidError
from sparsid._registry import unknown

TAGS = ("by epochs", "second order")  # of alternatives; no keys of a file


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def parse[T: BaseModel](kind: type[T], tables: Mapping[str, Any], source: str) -> T:
    """Validates tables; raises SparsidError with one sentence for the first thing wrong."""
    try:
        return kind.model_validate(tables)
    except ValidationError as error:
        raise SparsidError(_sentence(error, kind, source)) from None


class NestedError(SparsidError):
    """What is wrong in a table whose type is only known from what it holds."""

    def __init__(self, error: ValidationError, kind: type[BaseModel]):
        super().__init__(str(error))
        self.error, self.kind = error, kind

    def __reduce__(self):
        return type(self), (self.error, self.kind)


def validated[T: BaseModel](kind: type[T], table: Mapping[str, Any]) -> T:
    """A table within tables as a `kind`; what is wrong with it is said with its place there."""
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        raise NestedError(error, kind) from None


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises SparsidError if it cannot be read or is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SparsidError(f"Cannot read {path}: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SparsidError(f"{path} is not proper TOML: {error}.") from None


def _sentence(
    error: ValidationError, kind: type[BaseModel], source: str, above: tuple[str, ...] = ()
) -> str:
    """One sentence; `above` is where the table that did not validate stands."""
    # A misspelt key also leaves the right one missing: name the cause.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    told = [part for part in first["loc"] if isinstance(part, str)]
    place = [*above, *(part for part in told if part not in TAGS)]
    if isinstance(nested := first.get("ctx", {}).get("error"), NestedError):
        return _sentence(nested.error, nested.kind, source, tuple(place))
    if first["type"] == "extra_forbidden":
        return f"{source}: " + unknown("key", place[-1], _known_keys(kind, told[:-1]))
    if isinstance(own := first.get("ctx", {}).get("error"), SparsidError):
        return f"{source}: {own}"
    where = ".".join(place) or "the specification"
    if first["type"] == "missing":
        return f"{source}: `{where}` is missing; the specification needs it."
    said = first["msg"][0].lower() + first["msg"][1:]
    return f"{source}: `{where}` is not usable ({said}); got {first.get('input')!r}."


def _known_keys(kind: type[BaseModel], place: list[str]) -> list[str]:
    """The keys of the table at `place` below `kind`, found by walking the fields' own types."""
    tables = [("", kind)]
    for part in place:
        fields = [t.model_fields[part] for _, t in tables if part in t.model_fields]
        # A part that is no field names one of several tables that may stand here, by its tag.
        named = [(tag, table) for tag, table in tables if tag == part]
        tables = [t for f in fields for t in _tables_in(f.annotation)] or named or tables
    return list(dict.fromkeys(key for _, table in tables for key in table.model_fields))


def _tables_in(annotation: Any, tag: str = "") -> list[tuple[str, type[BaseModel]]]:
    """The tables that a type mentions, with their tags: T | None, tuple[T, ...] and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(tag, annotation)]
    own = [mark.tag for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, Tag)]
    inside = get_args(annotation)
    return [found for inner in inside for found in _tables_in(inner, own[0] if own else tag)]
