"""Recorded data split into training, validation and test parts."""

from dataclasses import dataclass
from typing import Literal

from sparsid._errors import SparsidError
from sparsid.data import Channels, Dataset, match, read
from sparsid.data.kinds import KINDS
from sparsid.identify.spec import DataSpec, check_shares

MANY = 5  # with at least so many trajectories, splits are by trajectory rather than by time


@dataclass(frozen=True)
class Parts:
    """Training, validation and test parts; the test part is optional.

    `chooses` is "training" if no data was held out for validation: then `validation` is the
    training part.
    """

    train: Dataset
    validation: Dataset
    test: Dataset | None
    chooses: Literal["validation", "training"] = "validation"

    @property
    def named(self) -> dict[str, Dataset]:
        """The parts that exist, by name."""
        every = {"training": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in every.items() if part is not None}


def read_parts(data: DataSpec) -> Parts:
    """Reads and splits the files; without states, outputs take their place.

    Raises SparsidError if neither states nor outputs are named, or both are.
    """
    if data.states and data.outputs:
        raise SparsidError(
            "Name either `states`, which a derivative network simulates, or `outputs`, which a "
            "recurrent network simulates; got both."
        )

    def load(files: tuple[str, ...]) -> Dataset:
        part = read(
            files,
            states=data.states,
            outputs=data.outputs,
            inputs=data.inputs,
            columns=data.columns,
            time=data.time,
            dt=data.dt,
        )
        return part.outputs_as_states() if data.outputs else part

    whole = load(data.files)
    if not len(whole.states):
        raise SparsidError(
            "Fitting needs measured states or outputs; name the columns to simulate "
            "(states = [...] or outputs = [...], --states or --outputs)."
        )
    return split(
        whole,
        validation=load(data.validation_files) if data.validation_files else data.validation_share,
        test=load(data.test_files) if data.test_files else data.test_share,
    )


def without_constant_inputs(parts: Parts) -> tuple[Parts, tuple[str, ...]]:
    """The parts without inputs that are constant in the training data, and notes for the user."""
    train = parts.train
    inputs, states = train.constant_inputs(), train.constant_states()
    notes = (
        *train.notes,
        *(f"The input {name} is constant in the training data and is left out." for name in inputs),
        *(f"The state {name} is constant in the training data." for name in states),
    )
    if not inputs:
        return parts, notes
    varying = [name for name in train.inputs.names if name not in inputs]
    test = parts.test and parts.test.select(inputs=varying)
    chosen = train.select(inputs=varying), parts.validation.select(inputs=varying), test
    return Parts(*chosen, parts.chooses), notes


def split(whole: Dataset, *, validation: Dataset | float, test: Dataset | float) -> Parts:
    """Splits `whole`; shares of it are taken from its end.

    Separate datasets keep their rows and get the channel order of `whole`. Raises SparsidError if
    they lack a channel, or differ in a unit or in the sampling time, and for shares that leave
    nothing to train on.
    """
    shares = [0.0 if isinstance(part, Dataset) else part for part in (validation, test)]
    check_shares(*shares)
    separate = isinstance(test, Dataset)
    rest, tested = (whole, _reordered(test, whole)) if separate else _cut(whole, test)
    if isinstance(validation, Dataset):
        return Parts(rest, _reordered(validation, whole), tested)
    if not validation:
        return Parts(rest, rest, tested, "training")
    train, selects = _cut(rest, validation / (1 - shares[1]))  # relative to what remains
    assert selects is not None
    return Parts(train, selects, tested)


def _reordered(part: Dataset, whole: Dataset) -> Dataset:
    """The part with its channels in the order of `whole`; the same object if they are already."""
    outputs = whole.outputs if len(part.outputs) else Channels()
    what = "the training data"
    matching, _ = match(part, whole.states, outputs, whole.inputs, whole.dt, what)
    same = all(part.channels(k).names == matching.channels(k).names for k in KINDS)
    return part if same else matching


def _cut(whole: Dataset, share: float) -> tuple[Dataset, Dataset | None]:
    """All but the last `share`, and that share."""
    if not share:
        return whole, None
    if len(whole) < MANY:
        return whole.split_at(1 - share)
    kept = min(max(round(len(whole) * (1 - share)), 1), len(whole) - 1)
    return whole[:kept], whole[kept:]
