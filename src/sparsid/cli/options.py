"""Options shared by several verbs, alone or in groups."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from sparsid._errors import SparsidError

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA...",
        help="Data files; a table is one trajectory, or several with a column 'trajectory'.",
    ),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file.")]
ModelOut = Annotated[Path, typer.Option("--out", help="The model file to write.")]
DataOut = Annotated[Path, typer.Option("--out", help="A .nc, .csv or .parquet file to write.")]
Process = Annotated[str, typer.Argument(help="Name of a process (see `sparsid processes`).")]
Adaptive = Annotated[
    bool, typer.Option(help="Integrate adaptively (Diffrax) instead of fixed RK4.")
]
Dt = Annotated[float | None, typer.Option(help="Sampling time in s.")]
Seed = Annotated[int, typer.Option(help="Random seed.", min=0, max=2**63 - 1)]


@dataclass(frozen=True)
class TableOptions:
    """How tables among the data files are read."""

    columns: Annotated[
        str | None, typer.Option(help="Column names of a table without header, comma-separated.")
    ] = None
    time: Annotated[
        str | None, typer.Option(help="The time column of a table, in s or as dates.")
    ] = None
    dt: Dt = None

    def given(self) -> dict[str, Any]:
        """Keyword arguments of functions that read data."""
        return {"columns": listed(self.columns), "time": self.time, "dt": self.dt}


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each field of its parameters that are dataclasses."""
    parameters = inspect.signature(command).parameters
    kinds: dict[str, Any] = {name: p.annotation for name, p in parameters.items()}
    groups: dict[str, Any] = {name: kind for name, kind in kinds.items() if is_dataclass(kind)}

    @wraps(command)
    def called(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    shown = []
    for name, parameter in parameters.items():
        own = [(f.name, f.type, f.default) for f in fields(groups[name])] if name in groups else []
        for option, kind, default in own or [(name, parameter.annotation, parameter.default)]:
            keyword = inspect.Parameter.KEYWORD_ONLY
            shown.append(inspect.Parameter(option, keyword, default=default, annotation=kind))
    called.__signature__ = inspect.Signature(shown)  # pyright: ignore[reportAttributeAccessIssue]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return called


def listed(names: str | None) -> tuple[str, ...] | None:
    """Comma-separated names as a tuple; None for None."""
    if names is None:
        return None
    return tuple(name.strip() for name in names.split(",") if name.strip())


def parse_numbers(option: str, text: str) -> dict[str, float]:
    """Comma-separated name=value pairs. Raises SparsidError for other text."""
    try:
        pairs = [pair.split("=") for pair in text.split(",")]
        return {name.strip(): float(value) for name, value in pairs}
    except ValueError:
        raise SparsidError(
            f"`{option}` takes comma-separated name=value pairs, as in T1=20; got {text!r}."
        ) from None


def parse_horizons(text: str | None, longest: int) -> list[int]:
    """Comma-separated horizons; by default 100, 1000, 2500, 5000 where they fit, and `longest`."""
    if text is None:
        return sorted({h for h in (100, 1000, 2500, 5000) if h <= longest} | {longest})
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise SparsidError(
            f"`--horizons` takes comma-separated integers, as in 100,1000; got {text!r}."
        ) from None
