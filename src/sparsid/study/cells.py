"""Cells: what a specification says in a key, and which configurations are asked for."""

import fnmatch
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from sparsid._errors import SparsidError
from sparsid.architectures import AbstractArchitecture


def json_options(spec: BaseModel | None) -> dict[str, Any]:
    """A table in JSON's terms; what is not set is left out."""
    return {} if spec is None else spec.model_dump(mode="json", exclude_none=True, by_alias=True)


def hashed_options(spec: BaseModel | None) -> dict[str, Any]:
    """What a table sets other than its default, so that new options rename no cell.

    Renamed options keep the name they were first hashed by. Whoever changes a default raises the
    task's SCHEMA.
    """
    return (
        {} if spec is None else spec.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    )


def hashed_model(model: AbstractArchitecture, usual: str) -> dict[str, Any]:
    """The same of a model; its `kind` is written wherever it is not the task's `usual` one.

    Equal options of different kinds would otherwise have equal keys.
    """
    own = {} if model.kind == usual else {"kind": model.kind}
    return hashed_options(model) | own


def selected(names: Sequence[str], only: str | None) -> frozenset[str]:
    """Those of the names that fit one of the patterns, given by commas ("Dense,L1*").

    None takes all; what is a name, commas and all, is that one. Raises SparsidError for a pattern
    that fits none.
    """
    if only is None:
        return frozenset(names)
    if only in names:
        return frozenset([only])
    patterns = [part.strip() for part in only.split(",") if part.strip()]
    fitting = {p: [n for n in names if fnmatch.fnmatchcase(n, p)] for p in patterns}
    odd = [pattern for pattern, found in fitting.items() if not found]
    if odd or not patterns:
        raise SparsidError(
            f"`--only` takes names or patterns of configurations by commas, of which each must fit "
            f"one; got {(odd or [only])[0]!r}, and the study has {', '.join(names)}."
        )
    return frozenset(name for found in fitting.values() for name in found)
