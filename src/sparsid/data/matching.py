"""Whether data fits a model, or other data: names, units and sampling time."""

from collections.abc import Sequence
from dataclasses import replace

from sparsid._errors import SparsidError
from sparsid.data.dataset import Channels, Dataset
from sparsid.data.sampling import same_step


def match(
    dataset: Dataset,
    states: Channels,
    outputs: Channels,
    inputs: Channels,
    dt: float,
    what: str = "the model",
) -> tuple[Dataset, list[str]]:
    """The dataset with just these channels in this order, and notes to say aloud.

    A unit that only one side states matches; the result carries it and a note says so. Raises
    SparsidError, with `what` as the side that asks, for channels that are missing, units that
    differ or another sampling time.
    """
    if not same_step(dataset.dt, dt):
        raise SparsidError(
            f"The sampling time of {what} is {dt:g} s, that of the data {dataset.dt:g} s; "
            "resample the data."
        )
    wanted = {"state": states, "output": outputs, "input": inputs}
    _check_names(dataset, wanted, what)
    chosen = dataset.select(states=states.names, outputs=outputs.names, inputs=inputs.names)
    notes: list[str] = []
    agreed = {
        kind: _agreed(channels, wanted[kind], kind, what, notes)
        for kind, channels in _kinds(chosen).items()
    }
    fitting = replace(
        chosen, states=agreed["state"], outputs=agreed["output"], inputs=agreed["input"]
    )
    return fitting, notes


def joined(datasets: Sequence[Dataset]) -> Dataset:
    """The trajectories of several datasets of one plant; channels and units are the first one's.

    Raises SparsidError if one of them does not fit the first.
    """
    first, *rest = datasets
    if not rest:
        return first
    name = first.attributes.get("source", "the first dataset")
    parts, notes = [first], list(first.notes)
    for dataset in rest:
        part, said = match(dataset, first.states, first.outputs, first.inputs, first.dt, name)
        parts.append(part)
        notes += [*dataset.notes, *said]
    attributes = dict(first.attributes)
    if sources := [d.attributes["source"] for d in datasets if "source" in d.attributes]:
        attributes["source"] = ", ".join(sources)
    return replace(
        first,
        trajectories=tuple(t for part in parts for t in part),
        notes=tuple(dict.fromkeys(notes)),
        attributes=attributes,
    )


def _kinds(dataset: Dataset) -> dict[str, Channels]:
    return {"state": dataset.states, "output": dataset.outputs, "input": dataset.inputs}


def _check_names(dataset: Dataset, wanted: dict[str, Channels], what: str) -> None:
    there = _kinds(dataset)
    for kind, channels in wanted.items():
        missing = [name for name in channels.names if name not in there[kind].names]
        if not missing:
            continue
        has = ", ".join(there[kind].names) or "none"
        other = [k for k in there if k != kind and missing[0] in there[k].names]
        article = "a" if other == ["state"] else "an"
        hint = f" ({missing[0]} is there as {article} {other[0]})" if other else ""
        raise SparsidError(
            f"The data lacks the {kind} {', '.join(missing)} of {what}; its {kind}s are: "
            f"{has}{hint}."
        )


def _agreed(have: Channels, want: Channels, kind: str, what: str, notes: list[str]) -> Channels:
    """The channels with the units that either side states."""
    units: list[str | None] = []
    silent: dict[str, list[str]] = {"The data": [], what[0].upper() + what[1:]: []}
    data, asking = silent.values()
    for name, ours, theirs in zip(want.names, have.units, want.units, strict=True):
        if ours and theirs and ours != theirs:
            raise SparsidError(
                f"The {kind} {name} is in {theirs} in {what} and in {ours} in the data; convert "
                "the data."
            )
        if theirs and not ours:
            data.append(f"{name} [{theirs}]")
        if ours and not theirs:
            asking.append(f"{name} [{ours}]")
        units.append(ours or theirs)
    for side, names in silent.items():
        if names:
            notes.append(
                f"{side} states no unit for {', '.join(names)}; the other side's is assumed."
            )
    return Channels(want.names, tuple(units))
