"""What a method of sparsification declares: its options, and how it stands among the others."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Union

from pydantic import BeforeValidator, Discriminator, Tag

from sparsid._registry import Registry
from sparsid._tables import Options
from sparsid.sparsify.base import Sparsifier


class Method(Options):
    """Options of one method. In the table of a phase they stand under the method's name.

    Methods of one phase follow each other by `order`. `short` names the key that a plain number
    stands for (`threshold = 3e-3`); a `switch` is on by `true`, with all its defaults.

    The rest says what the contract suite may expect. `zeros` are the exact zeros that it makes of
    weights: "none"; "stay" for good; "move" (as many, elsewhere); or "return" to other numbers as
    they like. A phase `begins` with the same "weights", with the same "function" in other numbers,
    or with "other" weights. `holds` says that no weight moves. `apart_from` names the methods that
    it is refused beside. `trial` are options under which four epochs of three steps show all this.
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
        """Raises SparsidError where a phase of so many epochs makes no sense with it."""

    @classmethod
    def as_key(cls) -> tuple[Any, Any]:
        """(type, default) of its key in the table of a phase."""
        if cls.switch:
            if not cls.model_fields:
                return bool, False
            # By a discriminator, so that what is wrong within the table is said of the table.
            switch, table = Annotated[bool, Tag("switch")], Annotated[cls, Tag("table")]
            return Annotated[Union[switch, table], Discriminator(_kind)], False  # noqa: UP007
        if cls.short is not None:
            return Annotated[cls | None, BeforeValidator(cls._expanded)], None
        return cls | None, None

    @classmethod
    def _expanded(cls, given: Any) -> Any:
        return {cls.short: given} if isinstance(given, int | float) else given


def _kind(given: Any) -> str:
    return "table" if isinstance(given, dict | Method) else "switch"


#: The name in a phase's table -> the method's options.
METHODS: Registry[type[Method]] = Registry("method")


def constructor(options: type[Method], *places: str) -> Callable[..., Sparsifier]:
    """The method as a function of its options; those at `places` need no name."""

    def make(*given: Any, **named: Any) -> Sparsifier:
        by_place = dict(zip(places[: len(given)], given, strict=True))
        return options(**by_place, **named).build()

    make.__doc__ = options.__doc__
    return make
