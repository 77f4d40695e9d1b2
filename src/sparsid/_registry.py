"""Things found by name, with a helpful sentence when the name is unknown."""

import difflib
import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from sparsid._errors import SparsidError


class Registry[T]:
    """A mapping from public names to things of one kind.

    `kind` is the noun used in messages ("process", "activation").
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._things: dict[str, T] = {}
        self._places: dict[str, str] = {}

    def register[S](self, name: str) -> Callable[[S], S]:
        """Decorator: makes the decorated thing known as `name`."""

        def remember(thing: S) -> S:
            self._things[name] = cast(T, thing)
            return thing

        return remember

    def add(self, name: str, place: str) -> None:
        """Makes the attribute at `place` ("package.module:attribute") known as `name`.

        The module is imported when the thing is first asked for: a name can be checked, and a wrong
        one refused, without importing what stands behind it.
        """
        self._places[name] = place

    def __getitem__(self, name: str) -> T:
        """The thing called `name`; raises SparsidError naming the known ones."""
        self.check(name)
        if name not in self._things:
            module, _, attribute = self._places[name].partition(":")
            self._things[name] = getattr(importlib.import_module(module), attribute)
        return self._things[name]

    def check(self, name: str) -> None:
        """Raises SparsidError naming the known ones unless `name` is known; imports nothing."""
        if not isinstance(name, str) or name not in self:
            raise SparsidError(unknown(self.kind, str(name), self))

    def known(self, name: str) -> str:
        """`name`, for the type of a key that holds one; raises SparsidError as `check` does."""
        self.check(name)
        return name

    def __contains__(self, name: object) -> bool:
        return name in self._things or name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._things, *self._places}))

    def __len__(self) -> int:
        return len({*self._things, *self._places})


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One sentence that refuses `name` and names the known ones, the closest first."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"Unknown {kind} {name!r}; known: {', '.join(known)}.{hint}"
