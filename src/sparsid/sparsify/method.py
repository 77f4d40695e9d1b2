"""What a sparsification method declares: its options, its order and its properties."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Union

from pydantic import BeforeValidator, Discriminator, Tag

from sparsid._registry import Registry
from sparsid._tables import Options
from sparsid.sparsify.base import Sparsifier


class Method(Options):
    """Options of one method: a table under the method's name in the table of a phase.

    Methods of one phase are applied by ascending `order`. `short` names the key that a plain number
    sets (`threshold = 3e-3`); a `switch` may be `true` instead of a table, for all defaults.

    The others declare properties that the contract tests check. `zeros` says what becomes of exact
    zeros: "none" are made; they "stay"; they "move" (a constant number); or they may "return" to
    nonzero values. A phase `begins` with the same "weights", with the same "function" in other
    weights, or with "other" weights. `holds`: no weight changes. `apart_from`: methods that it
    cannot be combined with. `trial`: options that show all this in four epochs of three steps.
    """

    order: ClassVar[int]
    short: ClassVar[str | None] = None
    switch: ClassVar[bool] = False
    zeros: ClassVar[Literal["none", "stay", "move", "return"]] = "none"
    holds: ClassVar[bool] = False
    begins: ClassVar[Literal["weights", "function", "other"]] = "weights"
    apart_from: ClassVar[frozenset[str]] = frozenset()
    trial: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def build(self) -> Sparsifier:
        """The method itself."""

    def check(self, epochs: int) -> None:
        """Raises SparsidError where the options do not fit a phase of so many epochs."""

    @classmethod
    def as_key(cls) -> tuple[Any, Any]:
        """(type, default) of its key in the table of a phase."""
        if cls.switch:
            if not cls.model_fields:
                return bool, False
            # A discriminator, so that an error within the table is reported for the table.
            switch, table = Annotated[bool, Tag("switch")], Annotated[cls, Tag("table")]
            return Annotated[Union[switch, table], Discriminator(_kind)], False  # noqa: UP007
        if cls.short is not None:
            return Annotated[cls | None, BeforeValidator(cls._expanded)], None
        return cls | None, None

    @classmethod
    def _expanded(cls, given: Any) -> Any:
        plain = isinstance(given, int | float) and not isinstance(given, bool)
        return {cls.short: given} if plain else given


def _kind(given: Any) -> str:
    return "table" if isinstance(given, dict | Method) else "switch"


#: Name in the table of a phase -> options of the method.
METHODS: Registry[type[Method]] = Registry("method")


def constructor(options: type[Method], *positional: str) -> Callable[..., Sparsifier]:
    """The method as a function of its options; `positional` are its positional arguments."""

    def make(*given: Any, **named: Any) -> Sparsifier:
        by_position = dict(zip(positional[: len(given)], given, strict=True))
        return options(**by_position, **named).build()

    make.__doc__ = options.__doc__
    return make
