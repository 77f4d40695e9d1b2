"""Cells: which options of a specification enter a key, and selection of configurations."""

import fnmatch
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from sparsid._errors import SparsidError
from sparsid.architectures import AbstractArchitecture


def json_options(spec: BaseModel | None) -> dict[str, Any]:
    """A table as JSON values; options that are None are left out."""
    return {} if spec is None else spec.model_dump(mode="json", exclude_none=True, by_alias=True)


def hashed_options(spec: BaseModel | None) -> dict[str, Any]:
    """The options of a table that differ from their defaults, so that new options change no key.

    Renamed options keep the name under which they were first hashed. A changed default requires
    a new SCHEMA of the task.
    """
    return (
        {} if spec is None else spec.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    )


def hashed_model(model: AbstractArchitecture, usual: str) -> dict[str, Any]:
    """The same for a model; its `kind` is included unless it is the task's `usual` one.

    Equal options of different kinds would otherwise have equal keys.
    """
    own = {} if model.kind == usual else {"kind": model.kind}
    return hashed_options(model) | own


def selected(names: Sequence[str], only: str | None) -> frozenset[str]:
    """The names that match one of the comma-separated patterns ("Dense,L1*").

    None selects all. `only` may also be one complete name that contains commas. Raises SparsidError
    for a pattern that matches no name.
    """
    if only is None:
        return frozenset(names)
    if only in names:
        return frozenset([only])
    patterns = [part.strip() for part in only.split(",") if part.strip()]
    matches = {p: [n for n in names if fnmatch.fnmatchcase(n, p)] for p in patterns}
    unmatched = [pattern for pattern, found in matches.items() if not found]
    if unmatched or not patterns:
        raise SparsidError(
            "`--only` takes comma-separated names or patterns, each of which must match a "
            f"configuration; got {(unmatched or [only])[0]!r}, and the study has "
            f"{', '.join(names)}."
        )
    return frozenset(name for found in matches.values() for name in found)
