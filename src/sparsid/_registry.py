"""Things found by name, with a helpful sentence when the name is unknown."""

import difflib
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

    def register[S](self, name: str) -> Callable[[S], S]:
        """Decorator: makes the decorated thing known as `name`."""

        def remember(thing: S) -> S:
            self._things[name] = cast(T, thing)
            return thing

        return remember

    def __getitem__(self, name: str) -> T:
        """The thing called `name`; raises SparsidError naming the known ones."""
        if name not in self._things:
            raise SparsidError(unknown(self.kind, name, self._things))
        return self._things[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._things))

    def __len__(self) -> int:
        return len(self._things)


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One sentence that refuses `name` and names the known ones, the closest first."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"Unknown {kind} {name!r}; known: {', '.join(known)}.{hint}"
