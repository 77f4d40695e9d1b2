"""Which cells train together and what they share: a tree that depends on the specification alone.

A node is one phase, of equal structure and after equal phases; its members are the networks that
train it in one stack. Cells with an identical prefix of phases train it once; cells that differ
only in numbers or seeds train in one stack. Cells that are already stored do not change the tree:
on an accelerator, rounding depends on the other members of a stack.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Any

from pydantic import TypeAdapter

from sparsid.architectures import AbstractArchitecture
from sparsid.identify.phase_spec import PhaseSpec
from sparsid.identify.second_order_spec import SecondOrderSpec
from sparsid.identify.spec import AnyPhaseSpec
from sparsid.results import canonical
from sparsid.study.cells import json_options
from sparsid.study.task import Cell
from sparsid.study.tasks.simulate.cells import Network
from sparsid.training import Phase, SecondOrderPhase
from sparsid.training.epoch import Program

NetworkCell = Cell[Network]


@dataclass(frozen=True)
class PlannedMember:
    """One network of a node."""

    parent: int  # its index in the stack of the node above; in a root node its own index
    seed: int
    phase: PhaseSpec | SecondOrderSpec
    cells: tuple[NetworkCell, ...]  # those that are finished after this phase


@dataclass(frozen=True)
class Node:
    """One phase of one stack, and the nodes that continue from it."""

    members: tuple[PlannedMember, ...]
    children: tuple["Node", ...]

    @property
    def epochs(self) -> int:
        return built(self.members[0].phase).epochs

    @cached_property
    def keys(self) -> frozenset[str]:
        """Keys of all cells that end here or below."""
        here = (cell.key for member in self.members for cell in member.cells)
        return frozenset(here).union(*(child.keys for child in self.children))

    def walk(self, wanted: frozenset[str]) -> Iterator["Node"]:
        """The nodes to run to finish all `wanted` cells, this one first."""
        if self.keys & wanted:
            yield self
            for child in self.children:
                yield from child.walk(wanted)


@dataclass(frozen=True)
class Group:
    """All networks of one architecture, data size and structure of the first phase."""

    size: int
    model: AbstractArchitecture
    dtype: str
    node: Node

    @property
    def keys(self) -> frozenset[str]:
        return self.node.keys

    def cost(self, node: Node) -> float:
        """Work of one epoch of `node`: members x weights x trajectories."""
        weights = sum(prod(array.shape) for array in self.model.arrays(8, 8).values())
        return float(len(node.members) * weights * self.size)

    def work(self, wanted: frozenset[str]) -> float:
        """Work needed to finish the `wanted` cells."""
        return sum(self.cost(node) * node.epochs for node in self.node.walk(wanted))


@dataclass(frozen=True)
class BaselineGroup:
    """One baseline, which shares no training with other cells."""

    cell: NetworkCell

    @property
    def keys(self) -> frozenset[str]:
        return frozenset({self.cell.key})

    def work(self, wanted: frozenset[str]) -> float:
        """Zero: negligible."""
        return 0.0


def groups_of(cells: Sequence[NetworkCell]) -> tuple[Group | BaselineGroup, ...]:
    """The groups of all cells of a study, in the order of their first cells."""
    roots: dict[Hashable, list[NetworkCell]] = {}
    for cell in cells:
        roots.setdefault(_root(cell), []).append(cell)
    groups: list[Group | BaselineGroup] = []
    for same in roots.values():
        first = same[0].of
        if first.model is None:
            groups.append(BaselineGroup(same[0]))
        else:
            groups.append(Group(first.size, first.model, first.dtype, _node(same, 0, {})))
    return tuple(groups)


def _root(cell: NetworkCell) -> Hashable:
    if cell.of.model is None:
        return cell.key
    return cell.of.size, canonical(json_options(cell.of.model)), structure(cell.of.phases[0])


def _node(cells: Sequence[NetworkCell], depth: int, above: dict[str, int]) -> Node:
    """The node of `cells`, whose phases up to `depth` have equal structure."""
    stacks: dict[str, list[NetworkCell]] = {}
    for cell in cells:
        stacks.setdefault(_way(cell, depth + 1), []).append(cell)
    places = {way: at for at, way in enumerate(stacks)}
    members = tuple(
        PlannedMember(
            above.get(_way(same[0], depth), at),
            same[0].of.seed,
            same[0].of.phases[depth],
            tuple(cell for cell in same if len(cell.of.phases) == depth + 1),
        )
        for at, same in enumerate(stacks.values())
    )
    further: dict[Hashable, list[NetworkCell]] = {}
    for cell in cells:
        if len(cell.of.phases) > depth + 1:
            further.setdefault(structure(cell.of.phases[depth + 1]), []).append(cell)
    children = tuple(_node(same, depth + 1, places) for same in further.values())
    return Node(members, children)


def _way(cell: NetworkCell, phases: int) -> str:
    """The seed and the first `phases` phases of a network, with all numbers."""
    return canonical([cell.of.seed, [json_options(phase) for phase in cell.of.phases[:phases]]])


def structure(phase: PhaseSpec | SecondOrderSpec) -> Hashable:
    """The phase without its numbers: what must be equal for two networks to train as one stack.

    The compiled program is included because some numbers are compiled in (a bound on the gradient,
    a momentum). Second-order phases must be identical for all members.
    """
    made = built(phase)
    if isinstance(made, SecondOrderPhase):
        return made
    return canonical(_without_numbers(json_options(phase))), Program.of(made)


def built(phase: PhaseSpec | SecondOrderSpec) -> Phase | SecondOrderPhase:
    """The phase to train with; equal specifications give the same object, prepared only once."""
    return _built(canonical(json_options(phase)))


@lru_cache(maxsize=1024)
def _built(text: str) -> Phase | SecondOrderPhase:
    return _PHASES.validate_json(text).build()


_PHASES: TypeAdapter[PhaseSpec | SecondOrderSpec] = TypeAdapter(AnyPhaseSpec)


def _without_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_numbers(inner) for inner in value]
    return "number" if isinstance(value, float) else value
