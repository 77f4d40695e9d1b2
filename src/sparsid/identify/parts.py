"""Recorded data in three parts: what trains, what chooses, and what judges."""

from dataclasses import dataclass

import numpy as np

from sparsid._errors import SparsidError
from sparsid.data import Channels, Dataset, match, read
from sparsid.data.kinds import KINDS
from sparsid.identify.spec import DataSpec
from sparsid.models import NARX

MANY = 5  # trajectories from which on a share is taken of them rather than of time


@dataclass(frozen=True)
class Parts:
    """What trains, what chooses, and what judges; no test where nothing was kept back."""

    train: Dataset
    validation: Dataset
    test: Dataset | None


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
    still = train.constant_inputs()
    resting = _resting(train)
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
    return Parts(train.select(inputs=moving), parts.validation.select(inputs=moving), test), notes


def _resting(train: Dataset) -> list[str]:
    """The states that never change."""
    still = np.ptp(np.concatenate([t.x for t in train]), axis=0) == 0
    return [name for name, rests in zip(train.states.names, still, strict=True) if rests]


def check_record(parts: Parts, model: NARX) -> None:
    """Raises SparsidError for records that are too short, or tell nothing of the plant."""
    train, lag = parts.train, max(model.output_lags, model.input_lags)
    named = {"training": train, "validation": parts.validation, "test": parts.test}
    for name, part in named.items():
        if part is not None and min(part.lengths) <= lag:
            raise SparsidError(
                f"A record needs at least {lag + 1} samples (the model's lags and one more); the "
                f"shortest {name} record has {min(part.lengths)}."
            )
    if not len(train.inputs):
        raise SparsidError(
            "A recurrent model needs an input that changes; in the training data every input never "
            "changes, or there is none: record the plant while it is excited."
        )
    resting = _resting(train)
    if resting:
        raise SparsidError(
            f"The output {resting[0]} never changes in the training data: there is nothing to "
            "learn; leave it out, or take more of the record."
        )


def split(whole: Dataset, *, validation: Dataset | float, test: Dataset | float) -> Parts:
    """Parts of `whole`: shares are taken from its end.

    Datasets of their own are taken as given, their channels in the order of `whole`. Raises
    SparsidError where they lack one, or differ in a unit or in the sampling time.
    """
    own = isinstance(test, Dataset)
    rest, judged = (whole, _fitting(test, whole)) if own else _cut(whole, test)
    if isinstance(validation, Dataset):
        return Parts(rest, _fitting(validation, whole), judged)
    train, chooses = _cut(rest, validation)
    return Parts(train, train if chooses is None else chooses, judged)


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
