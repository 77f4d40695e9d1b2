"""What a phase needs of models and data is asked before anything is trained; a kind of phase."""

from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import numpy as np
import pytest
from tests.by_hand import scaled_plant
from tests.command_line import run

from sparsid import SparsidError
from sparsid.architectures import NARX, DerivativeMLP
from sparsid.architectures.capabilities import check_serves
from sparsid.identify import FitSpec, parse
from sparsid.training import FreeRun, Phase, SecondOrderPhase, Simulation, fit_ensemble
from sparsid.training.second_order import LARGEST

KEY = jax.random.key(0)
ONE_STEP = 'loss "one-step" needs .* NARX does not offer: set loss = "free-run"'
DATA = {"files": ["a.csv"], "outputs": ["y"]}


class Blind(DerivativeMLP):
    """An architecture whose models can do nothing beyond a free run."""

    can: ClassVar = frozenset()


@pytest.mark.parametrize("model", [{"model": {"kind": "narx"}}, {}], ids=["named", "by outputs"])
def test_one_step_training_of_a_recurrent_model_is_refused_when_read(model, tmp_path, capsys):
    tables = {"data": DATA, "phase": [{"epochs": 2}]} | model
    with pytest.raises(SparsidError, match=ONE_STEP):
        parse(FitSpec, tables, "fit")
    assert parse(FitSpec, tables | {"phase": [{"epochs": 2, "loss": "free-run"}]}, "fit").phase
    assert parse(FitSpec, tables | {"phase": [{"iterations": 2}]}, "fit").phase
    file = tmp_path / "fit.toml"
    named = '[model]\nkind = "narx"\n' if model else ""
    file.write_text(f'[data]\nfiles = ["a.csv"]\noutputs = ["y"]\n{named}[[phase]]\nepochs = 2\n')
    assert run("fit", file) == 2
    assert "one-step" in capsys.readouterr().err


@pytest.mark.parametrize("phase", [Phase(1), SecondOrderPhase()])
def test_a_capability_that_is_not_there_is_missed(phase):
    check_serves(DerivativeMLP(), phase)
    with pytest.raises(SparsidError, match="which Blind does not offer"):
        check_serves(Blind(), phase)
    check_serves(Blind(), Phase(1, loss=FreeRun()))


@pytest.mark.parametrize(
    ("model", "phase", "words"),
    [
        (NARX(widths=(2,)), Phase(1), ONE_STEP),
        (
            NARX(widths=(2,)),
            Phase(1, loss=FreeRun(window=2, stride=1)),
            "longer than the 2 initial rows",
        ),
        (
            NARX(widths=(2,)),
            SecondOrderPhase(criterion=Simulation(99)),
            "no longer than the longest record",
        ),
        (DerivativeMLP(widths=(60, 60)), SecondOrderPhase(), f"up to {LARGEST} active parameters"),
    ],
)
def test_a_later_phase_is_refused_before_the_first_is_trained(model, phase, words):
    first, seen = Phase(1, loss=FreeRun(window=8, stride=4), batch=4), []
    with pytest.raises(SparsidError, match=words):
        fit_ensemble(
            model, scaled_plant(samples=40), (first, phase), size=1, callback=seen.append, key=KEY
        )
    assert not seen


@dataclass(frozen=True)
class Shrink:
    """A kind of phase of its own: all weights become `factor` times as large."""

    factor: float
    epochs: ClassVar = 1
    needs: ClassVar = None
    removes_weights: ClassVar = False

    def check(self, training, members, *, thinned):
        pass

    def run(self, training, members, phases):
        model = jax.tree.map(lambda leaf: self.factor * leaf, members.stack.model)
        members = replace(members, stack=members.stack._replace(model=model))
        nothing = np.zeros(members.size)
        return training.reported(
            members, phase=0, epoch=0, rate=0.0, train=nothing, validation=nothing
        )


def test_a_new_kind_of_phase_is_one_class():
    model, train = NARX(widths=(2,)), scaled_plant(samples=40)
    seen = []
    whole, half = (
        fit_ensemble(model, train, [Shrink(f)], size=2, callback=seen.append, key=KEY).ensemble
        for f in (1.0, 0.5)
    )
    for (_, one), (_, other) in zip(whole.weights(), half.weights(), strict=True):
        np.testing.assert_array_equal(0.5 * one, other)
    assert [(report.done, report.total) for report in seen] == [(1, 1), (1, 1)]
