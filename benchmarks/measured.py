"""Measured records simulated freely: recurrent networks, full and pruned, beside linear models.

    python -m benchmarks.measured [--members 10] [--seed 0] [--only tanks]

How many lags a model gets is chosen on validation data: a few networks with each, the least error
of their median run. Records are looked for in SPARSID_DATA (default: ../shared/data):
`cascaded_tanks/dataBenchmark.csv` (nonlinearbenchmark.org: Est trains, its last fifth chooses, Val
judges) and `daisy/exchanger.dat` (KU Leuven: of 4000 samples the last 1000 judge). The test part
chooses nothing; its first 50 samples do not count. "Median run" is the median of all members'
free runs at every sample, which is
what `sparsid predict` gives.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsid.data import Dataset
from sparsid.evaluation import forecast, median_run
from sparsid.identify import FitResult, fit
from sparsid.identify.prune import prune_ensemble
from sparsid.models import NARX, Ensemble
from sparsid.training import use_cores

SETTLING = 50  # samples that do not count, as the benchmarks' rules say
LAGS = ((2, 2), (4, 4), (4, 6), (6, 6))  # (of outputs, of inputs) to choose from
TRIED = 4  # networks for each


@dataclass(frozen=True)
class Record:
    """What trains and chooses, what judges, and the architecture."""

    name: str
    unit: str
    train: Dataset
    test: Dataset
    model: NARX


def tanks(folder: Path) -> Record:
    table = np.genfromtxt(
        folder / "cascaded_tanks" / "dataBenchmark.csv", delimiter=",", names=True
    )
    train, test = (
        Dataset.from_arrays(y=[table[f"y{part}"][:, None]], u=[table[f"u{part}"][:, None]], dt=4.0)
        for part in ("Est", "Val")
    )
    return Record("cascaded tanks", "V", train, test, NARX(widths=(10,), skip=True))


def exchanger(folder: Path) -> Record:
    table = np.loadtxt(folder / "daisy" / "exchanger.dat")
    train, test = (
        Dataset.from_arrays(y=[part[:, 2:]], u=[part[:, 1:2]], dt=1.0)
        for part in (table[:3000], table[3000:])
    )
    return Record("exchanger", "degC", train, test, NARX(widths=(10,), skip=True))


RECORDS: dict[str, Callable[[Path], Record]] = {"tanks": tanks, "exchanger": exchanger}


def rmse(ensemble: Ensemble, test: Dataset) -> tuple[np.ndarray, float]:
    """(of every member's free run over the test record, of their median run), in its unit."""
    truth = test.outputs_as_states() if not len(test.states) else test
    runs = forecast(ensemble, truth)[:, 0]
    runs = np.concatenate([runs, median_run(runs)[None]])
    *each, together = np.sqrt(np.mean((runs - truth[0].x)[:, SETTLING:] ** 2, axis=(1, 2)))
    return np.array(each), float(together)


def fitted(record: Record, lags: tuple[int, int], members: int, seed: int) -> FitResult:
    """Networks with so many lags, and the linear models with as many."""
    model = record.model.model_copy(update={"output_lags": lags[0], "input_lags": lags[1]})
    options = {"validation": 0.2, "test": record.test, "members": members, "seed": seed}
    return fit(record.train, model=model, **options)


def chosen_lags(record: Record, seed: int) -> tuple[int, int]:
    """Those whose networks' median run simulates the validation part best."""
    errors = {}
    for lags in LAGS:
        errors[lags] = fitted(record, lags, TRIED, seed).chosen.validation
        print(f"lags {lags}: validation RMSE of the median run {errors[lags]:.3f}", flush=True)
    return min(errors, key=lambda lags: errors[lags])


def rows(record: Record, lags: tuple[int, int], members: int, seed: int) -> Iterator[tuple]:
    """(model, test RMSE of members, of their median run, numbers left, seconds)."""
    began = time.monotonic()
    found = fitted(record, lags, members, seed)
    spent = time.monotonic() - began
    for linear in found.linear:
        yield _row(linear.name, linear.ensemble, record.test)
    yield _row("full", found.ensemble, record.test, f"{spent:.0f}")
    began = time.monotonic()
    small = prune_ensemble(found.ensemble, found.parts).ensemble
    yield _row("pruned", small, record.test, f"{time.monotonic() - began:.0f}")


def _row(name: str, ensemble: Ensemble, test: Dataset, seconds: str = "") -> tuple[str, ...]:
    each, together = rmse(ensemble, test)
    low, middle, high = np.quantile(each, [0, 0.5, 1])
    spread = f"{middle:.3f} ({low:.3f} to {high:.3g})" if len(each) > 1 else f"{middle:.3f}"
    return name, spread, f"{together:.3f}", _numbers(ensemble), seconds


def _numbers(ensemble: Ensemble) -> str:
    counts = [
        sum(np.count_nonzero(leaf) for _, leaf in member.weights()) for member in _each(ensemble)
    ]
    return f"{np.median(counts):g}"


def _each(ensemble: Ensemble) -> Iterator[Ensemble]:
    return (ensemble.pick([i]) for i in range(len(ensemble)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=sorted(RECORDS))
    asked = parser.parse_args()
    use_cores()
    folder = Path(os.environ.get("SPARSID_DATA", Path(__file__).parents[2] / "shared" / "data"))
    for name, load in RECORDS.items():
        if asked.only not in (None, name):
            continue
        record = load(folder)
        print(
            f"\n{record.name}: test RMSE of the free run [{record.unit}], {asked.members} members"
        )
        lags = chosen_lags(record, asked.seed)
        print(f"chosen: {lags}\n")
        print("| model | median member (all) | median run | weights, median | seconds |")
        print("|---|---|---|---|---|")
        for row in rows(record, lags, asked.members, asked.seed):
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
