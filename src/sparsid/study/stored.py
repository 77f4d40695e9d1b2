"""A study's folder read back: what the study is, and the rows of each group of its cells."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sparsid._errors import SparsidError
from sparsid._tables import Table, parse
from sparsid.results import ResultStore, Row


@dataclass(frozen=True)
class StoredStudy[T: Table]:
    """`said` is what study.json holds; `keys` are those of all cells, by place."""

    store: ResultStore
    study: T
    said: dict[str, Any]
    keys: dict[tuple[Any, ...], list[str]]

    @cached_property
    def _there(self) -> frozenset[str]:
        return self.store.keys()

    def rows(self, *place: Any) -> tuple[tuple[Row, ...], int]:
        """(the rows stored of the cells at a place, how many of its cells have none yet)."""
        wanted = self.keys.get(place, [])
        rows = tuple(self.store.read(key) for key in wanted if key in self._there)
        return rows, len(wanted) - len(rows)


def read_stored[T: Table](
    folder: str | Path,
    kind: type[T],
    *by: str,
    also: Mapping[str, type | tuple[type, ...]] | None = None,
) -> StoredStudy[T]:
    """Opens the folder of a study of this kind, its cells grouped by the entries `by` of each.

    `also` says what study.json must hold beside, and of which type. Raises SparsidError for a
    folder that holds no such study, or is damaged.
    """
    store = ResultStore.open(folder)
    said, path = store.study(), store.folder / "study.json"
    study = parse(kind, said.get("specification") or {}, str(path))
    keys: dict[tuple[Any, ...], list[str]] = {}
    try:
        for cell in said["cells"]:
            keys.setdefault(tuple(cell[name] for name in by), []).append(cell["key"])
    except (KeyError, TypeError):
        raise _damaged(path, "cells") from None
    for name, wanted in (also or {}).items():
        if not isinstance(said.get(name), wanted):
            raise _damaged(path, name)
    return StoredStudy(store, study, said, keys)


def _damaged(path: Path, name: str) -> SparsidError:
    return SparsidError(
        f"{path} is damaged (it has no proper `{name}`); delete it and run the study again."
    )
