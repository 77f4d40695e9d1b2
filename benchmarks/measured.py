"""Measured records simulated freely: recurrent networks, full and pruned, beside linear models.

    python -m benchmarks.measured [--members 10] [--seed 0]

Records are looked for in SPARSID_DATA (default: ../shared/data): `cascaded_tanks/dataBenchmark.csv`
(nonlinearbenchmark.org: Est trains, its last fifth chooses, Val judges) and `daisy/exchanger.dat`
(KU Leuven: of 4000 samples the last 1000 judge). The test part chooses nothing; its first 50
samples do not count.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsid.data import Dataset
from sparsid.evaluation import forecast
from sparsid.models import NARX, Ensemble
from sparsid.study import fit
from sparsid.study.pruned import prune_ensemble
from sparsid.training import use_cores

SETTLING = 50  # samples that do not count, as the benchmarks' rules say


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


def rmse(ensemble: Ensemble, test: Dataset) -> np.ndarray:
    """Of every member's free run over the test record, in its unit."""
    truth = test.outputs_as_states() if not len(test.states) else test
    runs = forecast(ensemble, truth)[:, 0]
    return np.sqrt(np.mean((runs - truth[0].x)[:, SETTLING:] ** 2, axis=(1, 2)))


def rows(record: Record, members: int, seed: int) -> Iterator[tuple[str, ...]]:
    """(model, test RMSE: mean and spread, numbers left, seconds)."""
    began = time.monotonic()
    found = fit(
        record.train,
        validation=0.2,
        test=record.test,
        members=members,
        seed=seed,
        model=record.model,
    )
    fitted = time.monotonic()
    for linear in found.linear:
        yield (
            linear.name,
            _spread(rmse(linear.ensemble, record.test)),
            _numbers(linear.ensemble),
            "",
        )
    full = found.ensemble
    seconds = f"{fitted - began:.0f}"
    yield "full", _spread(rmse(full, record.test)), _numbers(full), seconds
    began = time.monotonic()
    small = prune_ensemble(full, found.parts).ensemble
    seconds = f"{time.monotonic() - began:.0f}"
    yield "pruned", _spread(rmse(small, record.test)), _numbers(small), seconds


def _spread(values: np.ndarray) -> str:
    return f"{values.mean():.3f} ± {values.std():.3f} (median {np.median(values):.3f})"


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
        print("| model | test RMSE | weights, median | seconds |\n|---|---|---|---|")
        for row in rows(record, asked.members, asked.seed):
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
