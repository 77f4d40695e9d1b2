"""What the presets promise, told from the phases they build and from the recipes they name."""

import itertools

import jax
import numpy as np
import pytest

from sparsid.data import Dataset
from sparsid.identify.recipes import sparse_one_step
from sparsid.models import DerivativeMLP
from sparsid.models.parameters import Weight
from sparsid.sparsify import Clock, l1, threshold
from sparsid.sparsify.base import init, prepare
from sparsid.study.reading import read_study
from sparsid.study.tasks.simulate.cells import cells_of
from sparsid.study.tasks.simulate.spec import StudySpec
from sparsid.training import SGD, Adam, Phase
from sparsid.training.epoch import steps_per_epoch

METHODS = "Dense", "L1", "Soft thresholding", "Magnitude pruning", "DSR"
WITH_L1 = [f"{method} + L1" for method in METHODS if method not in ("Dense", "L1")]
ALONE = [*METHODS, *WITH_L1]
AVERAGED = [f"{name} + SWA" for name in ALONE]
WIDTHS = {"Magnitude pruning": (64,) * 4, "DSR": (128,) * 4}  # the others: 25x4


def hashed_options(name) -> StudySpec:
    study = read_study(name)
    assert isinstance(study, StudySpec)
    return study


def rates(phase, steps=10):
    """The rate at every epoch's beginning and in its middle."""
    built = phase.build().rate
    times = [e * steps + s for e in range(phase.epochs) for s in (0, steps // 2)]
    return [float(built(Clock(at, at // steps, phase.epochs, steps))) for at in times]


def schedule(configuration) -> list[float]:
    """The rates of all phases, one after the other."""
    return [rate for phase in configuration.phases for rate in rates(phase)]


def epochs(configuration) -> int:
    return sum(phase.epochs for phase in configuration.phases)


def numbers(phase):
    """All that a phase does to weights: its state, and what it makes of weights of every role."""
    key, method = jax.random.key(0), phase.sparsifier
    w = jax.numpy.asarray(np.geomspace(1e-5, 1, 20).reshape(4, 5))
    model = [Weight(w, role) for role in ("first", "hidden", "skip", "direct", "output")]
    model = prepare(method, model, key=key)
    state = init(method, model, key=key)
    penalty = 0.0 if method.penalty is None else method.penalty(model, state, Clock(0, 0, 1, 1))
    return jax.tree.leaves((model, state, penalty))


def methods_of(phase) -> set[str]:
    """The keys of a phase that name a method."""
    parts = {"l1", "proximal_l1", "group_l1", "threshold", "magnitude", "soft_threshold"}
    return {part for part in parts | {"dynamic", "rigl"} if getattr(phase, part) is not None}


def same(one, other) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def test_small_data_sets_get_as_many_gradient_steps_as_the_largest():
    study = hashed_options("lundby2022")
    assert study.training.equal_steps
    assert study.data.sizes == (2, 5, 10, 20, 40)
    cells = cells_of(study, {"process": "aluminium"}, {size: size for size in study.data.sizes})
    made: dict = {}
    for cell in cells:
        examples = np.zeros((cell.of.size * (study.data.samples - 1), 1))
        steps = [p.epochs * steps_per_epoch(examples, p.batch) for p in cell.of.phases]
        made.setdefault(cell.name, {})[cell.of.size] = sum(steps)
    for by_size in made.values():
        for steps in by_size.values():
            assert steps == pytest.approx(by_size[40], rel=0.015)  # a batch an epoch, and less


@pytest.fixture(scope="module")
def corrected():
    return hashed_options("haugstvedt2023")


@pytest.fixture(scope="module")
def published():
    return hashed_options("haugstvedt2023-as-published")


@pytest.fixture(scope="module")
def beyond():
    return hashed_options("haugstvedt2023-beyond")


# ---------------------------------------------------------------- haugstvedt2023


@pytest.mark.parametrize("name", ["haugstvedt2023", "haugstvedt2023-as-published"])
def test_the_whole_experiment_is_asked_for(name):
    study = hashed_options(name)
    assert sorted(c.name for c in study.configuration) == sorted([*ALONE, *AVERAGED])
    assert study.size == 16 * 10
    assert (study.data.process, study.data.train, study.data.test) == ("aluminium", 40, 40)
    assert study.data.samples == 5000
    assert study.evaluate.horizons == (100, 1000, 2500, 5000)
    assert study.published == "haugstvedt2023"


@pytest.mark.parametrize("name", [*ALONE, *AVERAGED])
def test_widths_follow_from_the_method_and_all_have_biases(corrected, name):
    model = corrected.named(name).model
    assert model.widths == WIDTHS.get(name.split(" + ")[0], (25,) * 4)
    assert model.bias
    assert not model.skip


@pytest.mark.parametrize("name", ALONE)
def test_averaging_branches_off_after_three_quarters(corrected, name):
    alone, averaged = corrected.named(name), corrected.named(f"{name} + SWA")
    *shared, last = averaged.phases
    assert tuple(shared) == alone.phases[: len(shared)]
    assert sum(phase.epochs for phase in shared) == 0.75 * epochs(alone)
    assert epochs(averaged) == epochs(alone)
    assert averaged.pair == name
    assert averaged.first_seed == alone.first_seed
    assert last.average
    assert not any(phase.average for phase in (*shared, *alone.phases))
    (rate,) = set(rates(last))
    assert 2e-4 <= rate <= 5e-4
    # Raised: above all that the same epochs have without averaging.
    assert rate > max(schedule(alone)[-2 * last.epochs :])


@pytest.mark.parametrize("name", [*ALONE, *AVERAGED])
def test_phases_do_what_the_name_says_and_nothing_else(corrected, name):
    phases = corrected.named(name).phases
    method = name.split(" + ")[0]
    assert all((p.l1 is not None) == ("L1" in name.split(" + ")) for p in phases)
    assert all(p.l1 is None or p.l1.weight == 1e-4 for p in phases)
    assert all((p.soft_threshold is not None) == (method == "Soft thresholding") for p in phases)
    assert any(p.magnitude is not None for p in phases) == (method == "Magnitude pruning")
    assert any(p.dynamic is not None for p in phases) == (method == "DSR")
    assert not any(methods_of(p) & {"proximal_l1", "group_l1", "threshold", "rigl"} for p in phases)
    assert not any(p.hold for p in phases)
    assert all((p.batch, p.optimiser, p.loss) == (50, "adam", "one-step") for p in phases)


@pytest.mark.parametrize("name", [name for name in [*ALONE, *AVERAGED] if "DSR" in name])
def test_dsr_is_at_half_and_rests_before_the_end(corrected, name):
    first, *later = corrected.named(name).phases
    assert first.dynamic.sparsity == 0.5
    assert first.dynamic.target == 150
    assert all(phase.dynamic is None for phase in later)


@pytest.mark.parametrize("name", [name for name in [*ALONE, *AVERAGED] if "Magnitude" in name])
def test_magnitudes_are_pruned_after_11_21_31_and_41_epochs(corrected, name):
    phases = corrected.named(name).phases
    begins = itertools.accumulate((phase.epochs for phase in phases), initial=0)
    pruned = [(b, p.magnitude) for b, p in zip(begins, phases, strict=False) if p.magnitude]
    assert [begin + at for begin, m in pruned for at in m.at] == [11, 21, 31, 41]
    assert {m.share for _, m in pruned} == {0.25}


def test_dense_and_l1_have_one_schedule(corrected):
    """From 1e-3, a tenth of it every 20 of 100 epochs."""
    wanted = [1e-3 * 0.1 ** (epoch // 20) for epoch in range(100) for _ in (0, 1)]
    for name in ("Dense", "L1", "Soft thresholding", "Soft thresholding + L1"):
        assert schedule(corrected.named(name)) == pytest.approx(wanted, rel=1e-5)


# ---------------------------------------------------------------- as published


def test_published_weights_freeze_at_the_first_pruning(published):
    for configuration in published.configuration:
        first, *later = configuration.phases
        frozen = configuration.name.startswith(("Magnitude", "DSR"))
        assert not first.hold
        assert [phase.hold for phase in later] == [frozen] * len(later)
        if configuration.name.startswith("Magnitude"):
            assert (first.epochs, first.magnitude.at) == (11, (11,))
        elif frozen:
            assert first.epochs == 1


def test_published_rows_differ_as_the_public_code_did(published):
    """No biases with soft thresholds and DSR; dense rates fall every 10 epochs, those of L1 every
    20; every averaged row trains anew; four different DSR networks."""
    for configuration in published.configuration:
        bare = configuration.name.startswith(("Soft", "DSR"))
        assert configuration.model.bias == (not bare)
        assert (configuration.first_seed >= 10) == configuration.name.endswith("SWA")
    for name, every in (("Dense", 10), ("L1", 20)):
        wanted = [1e-3 * 0.1 ** (epoch // every) for epoch in range(100) for _ in (0, 1)]
        for row in (name, f"{name} + SWA"):
            assert schedule(published.named(row)) == pytest.approx(wanted, rel=1e-5)
    dsr = [published.named(n) for n in [*ALONE, *AVERAGED] if n.startswith("DSR")]
    found = {c.name: (c.model.widths, c.phases[0].dynamic.sparsity) for c in dsr}
    assert found == {
        "DSR": ((50,) * 4, 0.5),
        "DSR + SWA": ((128,) * 4, 0.1),
        "DSR + L1": ((128,) * 4, 0.13),
        "DSR + L1 + SWA": ((128,) * 4, 0.14),
    }


# ---------------------------------------------------------------- beyond


def test_the_recommended_configuration_is_what_fit_does(beyond):
    """Against the recipe on data of the study's size: 40 trajectories of 5000 samples."""
    zeros = np.zeros((beyond.data.train, beyond.data.samples, 1), np.float32)
    recipe = sparse_one_step(Dataset.from_arrays(x=zeros, u=zeros, dt=1.0))
    recommended = beyond.named("Recommended")
    assert recommended.model == recipe.architecture
    for spec, wanted in zip(recommended.phases, recipe.phases, strict=True):
        phase = spec.build()
        assert isinstance(wanted, Phase)
        assert phase.epochs == wanted.epochs
        assert phase.batch == wanted.batch
        assert phase.optimiser == wanted.optimiser
        assert phase.loss == wanted.loss
        for step in range(0, 10 * phase.epochs, 7):
            clock = Clock(step, step // 10, phase.epochs, 10)
            assert float(phase.rate(clock)) == pytest.approx(float(wanted.rate(clock)), rel=1e-6)
        assert same(numbers(phase), numbers(wanted))


def test_numbers_tell_phases_apart(beyond):
    """The comparison above would see another strength, threshold or method."""
    first, between, last = (numbers(p.build()) for p in beyond.named("Recommended").phases)
    assert not any(same(*pair) for pair in itertools.combinations((first, between, last), 2))
    phase = beyond.named("Recommended").phases[0]
    for other in (l1(4e-5), l1(5e-5, direct=1e-6), threshold(3e-3)):
        built = phase.build()
        assert not same(first, numbers(Phase(built.epochs, sparsifier=other)))


BEYOND = {
    "Dense, cosine": [set()],
    "Dense + input skip": [set()],
    "L1 + input skip": [{"l1"}],
    "L1 debiased": [{"l1"}, {"threshold"}],
    "Group L1": [{"group_l1"}],
    "Proximal L1": [{"proximal_l1"}],
    "RigL": [{"rigl"}],
    "Magnitude pruning, cubic ramp": [{"magnitude"}],
}


@pytest.mark.parametrize("name", BEYOND)
def test_rows_beyond_the_paper_do_what_their_names_say(beyond, name):
    configuration = beyond.named(name)
    assert [methods_of(phase) for phase in configuration.phases] == BEYOND[name]
    assert configuration.model.skip == ("input skip" in name)


def test_beyond_has_pysindy_and_runs_ten_times_as_long(beyond):
    found = {c.name: c.baseline for c in beyond.configuration if c.baseline is not None}
    assert {name: (b.kind, b.library) for name, b in found.items()} == {
        "PySINDy, linear": ("sindy", "linear"),
        "PySINDy, quadratic": ("sindy", "quadratic"),
    }
    assert beyond.evaluate.long_samples == 10 * beyond.data.samples
    assert beyond.evaluate.long_trajectories == beyond.data.test


def test_studies_of_one_experiment_have_one_truth(corrected, published, beyond):
    """Else their rows could not stand beside each other."""
    assert corrected.data == published.data == beyond.data
    assert corrected.data == hashed_options("haugstvedt2023-tuning").data
    assert corrected.evaluate.horizons == beyond.evaluate.horizons


# ---------------------------------------------------------------- quick, tuning


def test_quick_is_the_whole_at_a_tenth(corrected):
    quick = hashed_options("haugstvedt2023-quick")
    assert [c.name for c in quick.configuration] == [c.name for c in corrected.configuration]
    assert quick.size == 16 * 2
    for short, whole in zip(quick.configuration, corrected.configuration, strict=True):
        assert short.model == whole.model
        assert epochs(short) == pytest.approx(epochs(whole) / 10, abs=len(short.phases))


def test_tuning_covers_what_the_paper_tried_by_hand():
    tuning = hashed_options("haugstvedt2023-tuning").configuration
    widths = [c.model.widths for c in tuning if c.model is not None]
    assert set(map(len, widths)) == {2, 3, 4, 5}
    assert set(itertools.chain(*widths)) == {15, 25, 40}
    phases = [phase for c in tuning for phase in c.phases]
    assert {32, 64, 128, 256} <= {phase.batch for phase in phases}
    optimisers = [phase.build().optimiser for phase in phases]
    for kind in (Adam, SGD):
        used = [p for p, o in zip(phases, optimisers, strict=True) if isinstance(o, kind)]
        assert len({phase.rate.rate for phase in used}) >= 3
    starts = {phase.soft_threshold.start for phase in phases if phase.soft_threshold}
    assert {-8.0, -6.0, -4.0, -2.0} <= starts


def test_tuning_changes_one_thing_at_a_time():
    """Around four layers of 25, batch 50, Adam at 1e-3."""
    tuning = hashed_options("haugstvedt2023-tuning")
    usual = tuning.named("depth 4")
    (phase,) = usual.phases
    assert usual.model == DerivativeMLP(widths=(25, 25, 25, 25))
    assert (phase.batch, phase.optimiser, phase.rate.rate) == (50, "adam", 1e-3)
    for configuration in tuning.configuration:
        (own,) = configuration.phases
        changed = {name for name, value in own if value != getattr(phase, name)}
        if own.optimiser == "sgd":
            changed -= {"rate", "momentum"}  # which belong to it
        assert len(changed) + (configuration.model != usual.model) == (configuration != usual)
