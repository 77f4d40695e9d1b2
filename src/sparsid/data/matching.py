"""Matches data to a model or to other data by names, units and sampling time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from sparsid._errors import SparsidError
from sparsid.data.dataset import NONE, Channels, Dataset
from sparsid.data.kinds import INPUTS, KINDS, OUTPUTS, STATES, Kind
from sparsid.data.sampling import same_step


def match(
    dataset: Dataset,
    states: Channels,
    outputs: Channels,
    inputs: Channels,
    dt: float,
    what: str = "the model",
) -> tuple[Dataset, list[str]]:
    """The dataset with only these channels in this order, and notes for the user.

    If only one side states a unit, it is assumed for both, with a note. `what` names the other side
    in messages. Raises SparsidError for missing channels, different units or another sampling time.
    """
    if not same_step(dataset.dt, dt):
        raise SparsidError(
            f"The sampling time of {what} is {dt:g} s, that of the data {dataset.dt:g} s; "
            "resample the data."
        )
    wanted = {STATES: states, OUTPUTS: outputs, INPUTS: inputs}
    _check_names(dataset, wanted, what)
    chosen = dataset.select(states=states.names, outputs=outputs.names, inputs=inputs.names)
    notes: list[str] = []
    agreed = {
        kind.plural: _agreed(chosen.channels(kind), channels, kind.singular, what, notes)
        for kind, channels in wanted.items()
    }
    return replace(chosen, **agreed), notes


def match_model(
    dataset: Dataset,
    observes: Literal["states", "outputs"],
    observed: Channels,
    inputs: Channels,
    dt: float,
) -> tuple[Dataset, list[str]]:
    """The dataset with the model's channels, the simulated ones as states, and notes for the user.

    The channels of a model that simulates outputs are looked up among the outputs, else among the
    states (see `Dataset.outputs_as_states`). Raises SparsidError as `match` does.
    """
    wanted = set(observed.names)
    already = wanted <= set(dataset.states.names) and not wanted <= set(dataset.outputs.names)
    if observes == "states" or already:
        return match(dataset, observed, NONE, inputs, dt)
    fitting, notes = match(dataset, NONE, observed, inputs, dt)
    return fitting.outputs_as_states(), notes


def joined(datasets: Sequence[Dataset]) -> Dataset:
    """The trajectories of several datasets of one plant; channels and units are the first one's.

    Raises SparsidError if one of them does not match the first.
    """
    first, *rest = datasets
    if not rest:
        return first
    name = first.attributes.get("source", "the first dataset")
    parts, notes = [first], list(first.notes)
    for dataset in rest:
        part, content = match(dataset, first.states, first.outputs, first.inputs, first.dt, name)
        parts.append(part)
        notes += [*dataset.notes, *content]
    attributes = dict(first.attributes)
    if sources := [d.attributes["source"] for d in datasets if "source" in d.attributes]:
        attributes["source"] = ", ".join(sources)
    return replace(
        first,
        trajectories=tuple(t for part in parts for t in part),
        notes=tuple(dict.fromkeys(notes)),
        attributes=attributes,
    )


def _check_names(dataset: Dataset, wanted: dict[Kind, Channels], what: str) -> None:
    for kind, channels in wanted.items():
        available = dataset.channels(kind).names
        missing = [name for name in channels.names if name not in available]
        if not missing:
            continue
        other = [k for k in KINDS if k != kind and missing[0] in dataset.channels(k).names]
        article = "a" if other == [STATES] else "an"
        hint = f" ({missing[0]} is {article} {other[0].singular})" if other else ""
        raise SparsidError(
            f"The data lacks the {kind.singular} {', '.join(missing)} of {what}; its "
            f"{kind.plural} are: {', '.join(available) or 'none'}{hint}."
        )


def _agreed(have: Channels, want: Channels, kind: str, what: str, notes: list[str]) -> Channels:
    """The channels with the units that either side states."""
    units: list[str | None] = []
    unitless: dict[str, list[str]] = {"The data": [], what[0].upper() + what[1:]: []}
    in_data, in_other = unitless.values()
    for name, ours, theirs in zip(want.names, have.units, want.units, strict=True):
        if ours and theirs and ours != theirs:
            raise SparsidError(
                f"The {kind} {name} is in {theirs} in {what} and in {ours} in the data; convert "
                "the data."
            )
        if theirs and not ours:
            in_data.append(f"{name} [{theirs}]")
        if ours and not theirs:
            in_other.append(f"{name} [{ours}]")
        units.append(ours or theirs)
    for side, names in unitless.items():
        if names:
            notes.append(
                f"{side} states no unit for {', '.join(names)}; the unit in brackets is assumed."
            )
    return Channels(want.names, tuple(units))
