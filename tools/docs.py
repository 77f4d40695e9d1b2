"""python -m tools.docs: writes the tables of docs/studies.md anew from the options themselves.

A table stands between `<!-- keys: NAME -->` and `<!-- end -->`. Types, defaults and bounds come
from the fields, meanings from their descriptions; a test fails where page and options differ.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo

from sparsid._registry import Registry
from sparsid.architectures import NARX, DerivativeMLP
from sparsid.identify.phase_spec import PhaseSpec
from sparsid.identify.rates import RateSpec
from sparsid.identify.second_order_spec import RetrainSpec, SecondOrderSpec
from sparsid.sparsify import METHODS, Method
from sparsid.sparsify.roles import ByRole
from sparsid.study.spec import StudyTrainingSpec
from sparsid.study.tasks.map.spec import MapConfigurationSpec, ProblemSpec
from sparsid.study.tasks.prune.spec import PathConfigurationSpec, PathDataSpec, PruneSpec
from sparsid.study.tasks.simulate.spec import (
    BaselineSpec,
    ClaimSpec,
    ConfigurationSpec,
    EvaluateSpec,
    StudyDataSpec,
    StudySpec,
)

PAGE = Path(__file__).parents[1] / "docs" / "studies.md"
PLACE = re.compile(r"(<!-- keys: (?P<name>[\w -]+) -->\n).*?(<!-- end -->)", re.DOTALL)
WORDS = {int: "integer", float: "number", str: "text", bool: "true, false", dict: "table"}
BOUNDS = ((annotated_types.Ge, "ge", "≥"), (annotated_types.Gt, "gt", ">"))
TECHNICAL = 2**31  # limits from here on are those of a computer's numbers and not shown
LIMITS = ((annotated_types.Le, "le", "≤"), (annotated_types.Lt, "lt", "<"))


def kind_of(field: FieldInfo) -> str:
    """What may stand there: "integer ≥ 1", "list of texts", `"adam"`, `"sgd"`."""
    extra = field.json_schema_extra
    if isinstance(extra, Mapping) and "type" in extra:
        return str(extra["type"])
    return _kind(field.annotation, field.metadata)


def _kind(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    annotation = getattr(annotation, "__value__", annotation)  # of a type by name
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        marks = [m for each in inside[1:] for m in getattr(each, "metadata", (each,))]
        return _kind(inside[0], (*metadata, *marks))
    for mark in metadata:
        registry = getattr(getattr(mark, "func", None), "__self__", None)
        if isinstance(mark, AfterValidator) and isinstance(registry, Registry):
            return ", ".join(f'`"{name}"`' for name in registry)
    if origin is Literal:
        return ", ".join(f'`"{word}"`' for word in inside)
    if origin in (Union, UnionType):
        return ", ".join(_kind(each, metadata) for each in inside if each is not NoneType)
    if origin is tuple:
        return (
            f"list of {_kind(inside[0])}".replace("integer", "integers")
            .replace("number", "numbers")
            .replace("text", "texts")
        )
    if isinstance(origin or annotation, type) and issubclass(origin or annotation, BaseModel):
        return "table"
    return _bounded(WORDS.get(origin or annotation, "table"), metadata)


def _bounded(word: str, metadata: Iterable[Any]) -> str:
    marks = tuple(metadata)

    def found(kinds):
        for kind, name, sign in kinds:
            for mark in marks:
                if isinstance(mark, kind) and getattr(mark, name) < TECHNICAL:
                    return sign, f"{getattr(mark, name):g}"
        return None

    low, high = found(BOUNDS), found(LIMITS)
    if low and high:
        turned = {"≥": "≤", ">": "<"}[low[0]]
        return f"{low[1]} {turned} {word} {high[0]} {high[1]}"
    for bound in (low, high):
        if bound:
            return f"{word} {bound[0]} {bound[1]}"
    return word


def default_of(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, Mapping) and "default" in extra:
        return str(extra["default"])
    if field.is_required():
        return "–"
    value = field.get_default(call_default_factory=True, validated_data={})
    return "none" if value is None else "empty" if value in ((), "", {}) else _toml(value)


def _toml(value: Any) -> str:
    if isinstance(value, BaseModel):
        content = value.model_dump(exclude_defaults=True)
        return f"{{ {', '.join(f'{k} = {_toml(v)}' for k, v in content.items())} }}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'`"{value}"`'
    return str(list(value)) if isinstance(value, tuple) else str(value)


def keys_of(options: type[BaseModel], *, without: Iterable[str] = ()) -> list[str]:
    """A table of the keys of one table of TOML."""
    fields = {name: f for name, f in _fields(options).items() if name not in without}
    return _table(
        ("Key", "Type", "Default", "Meaning"),
        (
            (f"`{name}`", *_cells(field, f"{options.__name__}.{name}"))
            for name, field in fields.items()
        ),
    )


def methods() -> list[str]:
    """The table of all methods, in the order in which they follow each other."""
    return _table(
        ("Method", "Key", "Type", "Default", "Meaning"),
        (
            row
            for name in sorted(METHODS, key=lambda name: METHODS[name].order)
            for row in _method(name, METHODS[name])
        ),
    )


def _method(name: str, options: type[Method]) -> Iterable[tuple[str, ...]]:
    roles = set(ByRole.model_fields) if issubclass(options, ByRole) else set[str]()
    own = {key: f for key, f in options.model_fields.items() if key not in roles}
    if not own:
        yield f"`{name}`", "", "true, false", "false", _meaning(options.__doc__ or "")
    for at, (key, field) in enumerate(own.items()):
        cell = f"`{key}`, roles" if roles and not at else f"`{key}`"
        yield "" if at else f"`{name}`", cell, *_cells(field, f"{name}.{key}")


def _fields(options: type[BaseModel]) -> Mapping[str, FieldInfo]:
    own = getattr(options, "fields", None)
    return options.model_fields if own is None else own()


def _cells(field: FieldInfo, place: str) -> tuple[str, str, str]:
    if not field.description:
        raise SystemExit(f"{place} has no description; say in its Field what it means.")
    return kind_of(field), default_of(field), field.description


def _meaning(docstring: str) -> str:
    """The first line of a docstring, as it stands within a sentence."""
    first = docstring.strip().splitlines()[0].rstrip(".")
    return first[0].lower() + first[1:]


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [heads, ("---",) * len(heads), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines]


SECTIONS = ("task", "data", "evaluate", "training", "configuration", "claim")  # tables below
TABLES: dict[str, Callable[[], list[str]]] = {
    "study": lambda: keys_of(StudySpec, without=SECTIONS),
    "data": lambda: keys_of(StudyDataSpec),
    "evaluate": lambda: keys_of(EvaluateSpec),
    "training": lambda: keys_of(StudyTrainingSpec),
    "configuration": lambda: keys_of(ConfigurationSpec),
    "baseline": lambda: keys_of(BaselineSpec),
    "claim": lambda: keys_of(ClaimSpec),
    "phase": lambda: keys_of(PhaseSpec, without=METHODS),
    "rate": lambda: keys_of(RateSpec),
    "roles": lambda: keys_of(ByRole),
    "methods": methods,
    "derivative": lambda: keys_of(DerivativeMLP, without=["kind"]),
    "path data": lambda: keys_of(PathDataSpec),
    "path configuration": lambda: keys_of(PathConfigurationSpec),
    "prune": lambda: keys_of(PruneSpec),
    "problem": lambda: keys_of(ProblemSpec),
    "map configuration": lambda: keys_of(MapConfigurationSpec),
    "narx": lambda: keys_of(NARX, without=["kind"]),
    "second-order phase": lambda: keys_of(SecondOrderSpec),
    "retrain": lambda: keys_of(RetrainSpec),
}


def renewed(page: str) -> str:
    """The page with every table as the options have it. Raises KeyError for an unknown table."""

    def fill(found: re.Match[str]) -> str:
        return found[1] + "\n".join(TABLES[found["name"]]()) + "\n" + found[3]

    return PLACE.sub(fill, page)


def main() -> None:
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
