"""Recorded data in three parts: what trains, what chooses, and what judges."""

from dataclasses import dataclass
from typing import Literal

from sparsid._errors import SparsidError
from sparsid.data import Channels, Dataset, match, read
from sparsid.data.kinds import KINDS
from sparsid.identify.spec import DataSpec, check_shares

MANY = 5  # trajectories from which on a share is taken of them rather than of time


@dataclass(frozen=True)
class Parts:
    """What trains, what chooses, and what judges; no test where nothing was kept back.

    `chooses` says what `validation` is: a part of its own, or the training part once more where
    nothing was kept back to choose.
    """

    train: Dataset
    validation: Dataset
    test: Dataset | None
    chooses: Literal["validation", "training"] = "validation"

    @property
    def named(self) -> dict[str, Dataset]:
        """What there is, by what it is for."""
        every = {"training": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in every.items() if part is not None}


def read_parts(data: DataSpec) -> Parts:
    """The files read and split; outputs alone are what is simulated.

    Raises SparsidError where neither states nor outputs are named, or both are.
    """
    if data.states and data.outputs:
        raise SparsidError(
            "Name either `states`, which a derivative network simulates, or `outputs`, which a "
            "recurrent one does, and not both."
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
            "Fitting needs measured states or outputs; name the columns that are to be simulated "
            "(states = [...] or outputs = [...], --states or --outputs)."
        )
    return split(
        whole,
        validation=load(data.validation_files) if data.validation_files else data.validation_share,
        test=load(data.test_files) if data.test_files else data.test_share,
    )


def without_constant_inputs(parts: Parts) -> tuple[Parts, tuple[str, ...]]:
    """The parts without inputs that never change in training, and sentences that say so."""
    train = parts.train
    still, resting = train.constant_inputs(), train.constant_states()
    notes = (
        *train.notes,
        *(
            f"The input {name} never changes in the training data; it is left out."
            for name in still
        ),
        *(f"The state {name} never changes in the training data." for name in resting),
    )
    if not still:
        return parts, notes
    moving = [name for name in train.inputs.names if name not in still]
    test = parts.test and parts.test.select(inputs=moving)
    chosen = train.select(inputs=moving), parts.validation.select(inputs=moving), test
    return Parts(*chosen, parts.chooses), notes


def split(whole: Dataset, *, validation: Dataset | float, test: Dataset | float) -> Parts:
    """Parts of `whole`: shares of it are taken from its end.

    Datasets of their own are taken as given, their channels in the order of `whole`. Raises
    SparsidError where they lack one, or differ in a unit or in the sampling time, and for shares
    that leave nothing to train on.
    """
    shares = [0.0 if isinstance(part, Dataset) else part for part in (validation, test)]
    check_shares(*shares)
    own = isinstance(test, Dataset)
    rest, judged = (whole, _fitting(test, whole)) if own else _cut(whole, test)
    if isinstance(validation, Dataset):
        return Parts(rest, _fitting(validation, whole), judged)
    if not validation:
        return Parts(rest, rest, judged, "training")
    train, chooses = _cut(rest, validation / (1 - shares[1]))  # of what the test left of the whole
    assert chooses is not None
    return Parts(train, chooses, judged)


def _fitting(part: Dataset, whole: Dataset) -> Dataset:
    """The part as it is, unless its channels stand in another order than those of `whole`."""
    outputs = whole.outputs if len(part.outputs) else Channels()
    what = "the training data"
    fitting, _ = match(part, whole.states, outputs, whole.inputs, whole.dt, what)
    same = all(part.channels(k).names == fitting.channels(k).names for k in KINDS)
    return part if same else fitting


def _cut(whole: Dataset, share: float) -> tuple[Dataset, Dataset | None]:
    """All but the last `share`, and that share."""
    if not share:
        return whole, None
    if len(whole) < MANY:
        return whole.split_at(1 - share)
    kept = min(max(round(len(whole) * (1 - share)), 1), len(whole) - 1)
    return whole[:kept], whole[kept:]
