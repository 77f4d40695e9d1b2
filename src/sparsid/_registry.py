"""Registries: objects by name, with a suggestion for unknown names."""

import difflib
import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from sparsid._errors import SparsidError


class Registry[T]:
    """A mapping from public names to objects of one kind.

    `kind` is the noun used in messages ("process", "activation").
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._objects: dict[str, T] = {}
        self._import_paths: dict[str, str] = {}

    def register[S](self, name: str) -> Callable[[S], S]:
        """Decorator that registers an object as `name`."""

        def store(thing: S) -> S:
            self._objects[name] = cast(T, thing)
            return thing

        return store

    def add(self, name: str, place: str) -> None:
        """Registers the attribute at `place` ("package.module:attribute") as `name`.

        The module is imported when the object is first requested: names can be checked without
        importing it.
        """
        self._import_paths[name] = place

    def __getitem__(self, name: str) -> T:
        """The object registered as `name`; raises SparsidError as `check` does."""
        self.check(name)
        if name not in self._objects:
            module, _, attribute = self._import_paths[name].partition(":")
            self._objects[name] = getattr(importlib.import_module(module), attribute)
        return self._objects[name]

    def check(self, name: str) -> None:
        """Raises SparsidError with the known names unless `name` is one; imports nothing."""
        if not isinstance(name, str) or name not in self:
            raise SparsidError(unknown(self.kind, str(name), self))

    def known(self, name: str) -> str:
        """Returns `name`, for use as a validator; raises SparsidError as `check` does."""
        self.check(name)
        return name

    def __contains__(self, name: object) -> bool:
        return name in self._objects or name in self._import_paths

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._objects, *self._import_paths}))

    def __len__(self) -> int:
        return len({*self._objects, *self._import_paths})


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The message for an unknown name: the known ones, and the closest as a suggestion."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"Unknown {kind} {name!r}; known: {', '.join(known)}.{hint}"
