"""Tables of TOML as frozen objects, with one sentence for each validation error."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    Tag,
    ValidationError,
    create_model,
    model_serializer,
    model_validator,
)
from pydantic.fields import FieldInfo

from sparsid._errors import SparsidError
from sparsid._registry import unknown

TAGS = ("by epochs", "second order")  # of alternatives; no keys of a file


@dataclass(frozen=True)
class Unit:
    """The unit of a number, as an annotation of its field: Annotated[int, EPOCHS]."""

    name: str


EPOCHS = Unit("epochs")


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def fields(cls) -> Mapping[str, FieldInfo]:
        """All keys of the table, in the order of the documentation."""
        return cls.model_fields


class Options(Table):
    """A set of options, read from a table or given in Python.

    Invalid ones raise SparsidError with one sentence in Python; within a table, pydantic reports
    the invalid key.
    """

    if not TYPE_CHECKING:  # for a type checker the signature stays that of the fields

        def __init__(self, **options):
            try:
                BaseModel.__init__(self, **options)
            except ValidationError as error:
                raise SparsidError(_refusal(error, type(self))) from None

        __init__.__pydantic_base_init__ = True

    @classmethod
    def as_key(cls) -> tuple[Any, Any]:
        """(type, default) of a key that holds these options as a table."""
        return cls | None, None


class OpenTable(Table):
    """A table whose fields are extended by keys from registries, looked up at each validation.

    Such keys are validated, have defaults and are serialised like fields.
    """

    model_config = ConfigDict(extra="allow")

    if TYPE_CHECKING:  # the keys from registries

        def __getattr__(self, name: str) -> Any: ...

    @classmethod
    def inlined(cls) -> tuple[type[Options], ...]:
        """Options whose keys are added to this table."""
        return ()

    @classmethod
    def nested(cls) -> tuple[tuple[str, type[Options]], ...]:
        """Options in a subtable of this one, by its key."""
        return ()

    @classmethod
    def fields(cls) -> Mapping[str, FieldInfo]:
        return cls._extended().model_fields

    def options_of[T: Options](self, kind: type[T]) -> T:
        """The options of `kind` in this table."""
        return kind(**{name: getattr(self, name) for name in kind.model_fields})

    @classmethod
    def _extended(cls) -> type[Table]:
        return _with_all_keys(cls, cls.inlined(), cls.nested())

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        return dict(validated(cls._extended(), given)) if isinstance(given, Mapping) else given

    @model_serializer(mode="wrap")
    def _serialised(self, handler, info) -> dict[str, Any]:
        serialised = handler(self)
        if info.exclude_defaults:  # pydantic knows no defaults of keys that are not its fields
            for name, value in (self.model_extra or {}).items():
                field = self.fields().get(name)
                if field is not None and value == field.get_default():
                    serialised.pop(name, None)
        return serialised


@lru_cache(maxsize=64)
def _with_all_keys(
    table: type[OpenTable],
    inlined: tuple[type[Options], ...],
    nested: tuple[tuple[str, type[Options]], ...],
) -> type[Table]:
    """`table` with the keys from registries as fields; definitions of one key must be equal."""
    fields = dict(table.model_fields)
    for options in inlined:
        for name, field in options.model_fields.items():
            if repr(fields.setdefault(name, field)) != repr(field):
                raise ValueError(f"`{name}` of {options.__name__} and {table.__name__} differ.")
    keys: dict[str, Any] = {name: (field.annotation, field) for name, field in fields.items()}
    keys |= {name: options.as_key() for name, options in nested}
    return create_model(table.__name__, __base__=Table, __module__=table.__module__, **keys)


def renamed(name: str, former: str, **options: Any) -> Any:
    """A field that was called `former` in files: both names are read, and keys of results, which
    are hashed, keep the former one (`model_dump(by_alias=True)`).
    """
    return Field(validation_alias=AliasChoices(name, former), serialization_alias=former, **options)


def parse[T: BaseModel](kind: type[T], tables: Mapping[str, Any], source: str) -> T:
    """Validates tables; raises SparsidError with one sentence for the first error."""
    try:
        return kind.model_validate(tables)
    except ValidationError as error:
        raise SparsidError(_sentence(error, kind, source)) from None


class NestedError(SparsidError):
    """A validation error in a table whose type depends on its content."""

    def __init__(self, error: ValidationError, kind: type[BaseModel]):
        super().__init__(str(error))
        self.error, self.kind = error, kind

    def __reduce__(self):
        return type(self), (self.error, self.kind)


def validated[T: BaseModel](kind: type[T], table: Mapping[str, Any]) -> T:
    """A subtable validated as `kind`; errors are reported with its position in the file."""
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        raise NestedError(error, kind) from None


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises SparsidError if it cannot be read or is invalid."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SparsidError(f"Cannot read {path}: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SparsidError(f"{path} is not valid TOML: {error}.") from None


def _sentence(
    error: ValidationError, kind: type[BaseModel], source: str, above: tuple[str, ...] = ()
) -> str:
    """The first error as one sentence; `above` are the keys of the parent tables."""
    # A misspelt key is also reported as missing: name the cause.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    details = [part for part in first["loc"] if isinstance(part, str)]
    place = [*above, *(part for part in details if part not in TAGS)]
    if isinstance(nested := first.get("ctx", {}).get("error"), NestedError):
        return _sentence(nested.error, nested.kind, source, tuple(place))
    if first["type"] == "extra_forbidden":
        return f"{source}: " + unknown("key", place[-1], _known_keys(kind, details[:-1]))
    if isinstance(own := first.get("ctx", {}).get("error"), SparsidError):
        return f"{source}: {own}"
    where = ".".join(place) or "the specification"
    if first["type"] == "missing":
        return f"{source}: `{where}` is missing; the specification needs it."
    content = first["msg"][0].lower() + first["msg"][1:]
    return f"{source}: `{where}` is invalid ({content}); got {first.get('input')!r}."


def _refusal(error: ValidationError, options: type[BaseModel]) -> str:
    """One sentence for the first invalid option, for options given in Python."""
    first = error.errors()[0]
    if "error" in (context := first.get("ctx", {})):
        return str(context["error"])
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return unknown(f"option of {options.__name__}", name, options.model_fields)
    content = first["msg"][0].lower() + first["msg"][1:]
    return f"`{name}` of {options.__name__} is invalid ({content}); got {first['input']!r}."


def _known_keys(kind: type[BaseModel], place: list[str]) -> list[str]:
    """The keys of the table at `place` below `kind`, found from the types of the fields."""
    tables = [("", kind)]
    for part in place:
        fields = [t.model_fields[part] for _, t in tables if part in t.model_fields]
        # A part that is no field is the tag of one of several alternative tables.
        named = [(tag, table) for tag, table in tables if tag == part]
        tables = [t for f in fields for t in _tables_in(f.annotation)] or named or tables
    return list(dict.fromkeys(key for _, table in tables for key in table.model_fields))


def _tables_in(annotation: Any, tag: str = "") -> list[tuple[str, type[BaseModel]]]:
    """The tables within a type, with their tags: T | None, tuple[T, ...] and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(tag, annotation)]
    own = [mark.tag for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, Tag)]
    inside = get_args(annotation)
    return [found for inner in inside for found in _tables_in(inner, own[0] if own else tag)]
