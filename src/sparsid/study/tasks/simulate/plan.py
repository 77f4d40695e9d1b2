"""Which cells train together and what they share: a tree, from the whole specification alone.

A node is one phase of equal structure after equal ones before it; its members are the networks
that go through it in one stack. Cells that share a prefix to the last number train it once; cells
that differ in numbers or seeds alone train side by side. What happens to be stored already has no
say here: on an accelerator another company would round differently.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

from sparsid.identify.phase_spec import PhaseSpec
from sparsid.models import DerivativeMLP
from sparsid.results import canonical
from sparsid.study.cells import Cell, plain
from sparsid.training import Phase
from sparsid.training.epoch import Program


@dataclass(frozen=True)
class PlannedMember:
    """One network on its way through a node's phase."""

    parent: int  # its place in the stack of the node above; its own place in a first node
    seed: int
    phase: PhaseSpec
    cells: tuple[Cell, ...]  # that are finished after this phase


@dataclass(frozen=True)
class Node:
    """One phase of one stack, and the nodes that go on from it."""

    members: tuple[PlannedMember, ...]
    children: tuple["Node", ...]

    @property
    def epochs(self) -> int:
        return self.members[0].phase.epochs

    @cached_property
    def keys(self) -> frozenset[str]:
        """Keys of all cells that end here or below."""
        here = (cell.key for member in self.members for cell in member.cells)
        return frozenset(here).union(*(child.keys for child in self.children))

    def walk(self, wanted: frozenset[str]) -> Iterator["Node"]:
        """The nodes to be run so that all `wanted` cells are finished, this one first."""
        if self.keys & wanted:
            yield self
            for child in self.children:
                yield from child.walk(wanted)


@dataclass(frozen=True)
class Group:
    """What is run in one go: all networks of one architecture, data and first phase structure."""

    size: int
    model: DerivativeMLP
    dtype: str
    node: Node

    @property
    def keys(self) -> frozenset[str]:
        return self.node.keys

    def cost(self, node: Node) -> float:
        """Work of one epoch of `node`: members x weights x trajectories, to weigh progress by."""
        weights = sum(a * b for a, b in pairwise((8, *self.model.widths, 8)))
        return float(len(node.members) * weights * self.size)


@dataclass(frozen=True)
class BaselineGroup:
    """One baseline, which no other cell shares anything with."""

    cell: Cell

    @property
    def keys(self) -> frozenset[str]:
        return frozenset({self.cell.key})


def groups_of(cells: Sequence[Cell]) -> tuple[Group | BaselineGroup, ...]:
    """The groups of all cells of a study, in the order in which the cells first name them."""
    roots: dict[Hashable, list[Cell]] = {}
    for cell in cells:
        roots.setdefault(_root(cell), []).append(cell)
    groups: list[Group | BaselineGroup] = []
    for same in roots.values():
        first = same[0]
        if first.model is None:
            groups.append(BaselineGroup(first))
        else:
            dtype = str(first.common["dtype"])
            groups.append(Group(first.size, first.model, dtype, _node(same, 0, {})))
    return tuple(groups)


def _root(cell: Cell) -> Hashable:
    if cell.model is None:
        return cell.key
    return cell.size, canonical(plain(cell.model)), structure(cell.phases[0])


def _node(cells: Sequence[Cell], depth: int, above: dict[str, int]) -> Node:
    """The node of `cells`, whose phases up to `depth` agree in structure."""
    stacks: dict[str, list[Cell]] = {}
    for cell in cells:
        stacks.setdefault(_way(cell, depth + 1), []).append(cell)
    places = {way: at for at, way in enumerate(stacks)}
    members = tuple(
        PlannedMember(
            above.get(_way(same[0], depth), at),
            same[0].seed,
            same[0].phases[depth],
            tuple(cell for cell in same if len(cell.phases) == depth + 1),
        )
        for at, same in enumerate(stacks.values())
    )
    further: dict[Hashable, list[Cell]] = {}
    for cell in cells:
        if len(cell.phases) > depth + 1:
            further.setdefault(structure(cell.phases[depth + 1]), []).append(cell)
    children = tuple(_node(same, depth + 1, places) for same in further.values())
    return Node(members, children)


def _way(cell: Cell, phases: int) -> str:
    """Seed and phases, to the last number, that a network has behind it."""
    return canonical([cell.seed, [plain(phase) for phase in cell.phases[:phases]]])


def structure(phase: PhaseSpec) -> Hashable:
    """The phase without its numbers: what must be equal for two networks to train as one stack.

    Some fractions are compiled in all the same (a bound on the gradient, a momentum): hence the
    program beside the words.
    """
    return canonical(_without_numbers(plain(phase))), Program.of(built(phase))


def built(phase: PhaseSpec) -> Phase:
    """The phase to train by; equal specifications give the same object, so that it is prepared
    once for all members that share it.
    """
    return _built(canonical(plain(phase)))


@lru_cache(maxsize=1024)
def _built(text: str) -> Phase:
    return PhaseSpec.model_validate_json(text).build()


def _without_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_numbers(inner) for inner in value]
    return "number" if isinstance(value, float) else value
