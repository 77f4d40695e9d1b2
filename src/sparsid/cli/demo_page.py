"""What the demo leaves in its folder: data, models, figures, and a page that shows them."""

from pathlib import Path

import numpy as np

from sparsid import report
from sparsid.cli.console import number
from sparsid.cli.demo import FIGURES
from sparsid.data import Dataset
from sparsid.evaluation import HorizonScore, rate_interval
from sparsid.identify import Parts
from sparsid.models import graph_of
from sparsid.study.demo import Judged
from sparsid.training import History

PUBLISHED = {"sparse": "L1", "dense": "Dense"}  # the rows of haugstvedt2023 that compare


def comparison(judged: dict[str, Judged]) -> report.Table:
    """Ours beside the published rows, horizon by horizon."""
    divergence, rfmse = report.published("divergence_percent"), report.published("rfmse")
    zeros = report.published("sparsity_percent")
    horizons = list(next(iter(judged.values())).scores)
    header = ["networks", "exactly\nzero", "non-zero\nweights"]
    for horizon in horizons:
        header += [f"diverged\n{horizon}", f"RFMSE\n{horizon}"]
    rows = []
    for name, result in judged.items():
        row = [name, f"{result.sparsity.zero_share:.1%}", f"{result.sparsity.nonzero_median:.0f}"]
        for horizon in horizons:
            score = result.scores[horizon]
            row += [f"{score.diverged_count} of {score.runs}", number(score.rfmse_mean, 2)]
        rows.append(row)
    for model in dict.fromkeys(PUBLISHED[name] for name in judged):
        row = [f"published: {model}", f"{zeros[model]['exact_zeros_percent']:.0f}%", "-"]
        for horizon in horizons:
            share = divergence[model].get(str(horizon))
            row += [
                "-" if share is None else f"{share:g} %",
                number(rfmse[model].get(f"{horizon}_mean"), 2),
            ]
        rows.append(row)
    return report.Table(
        "Free runs over the test set, beside the published",
        header,
        rows,
        "Published: Haugstvedt et al., IEEE Access 2023, doi 10.1109/ACCESS.2023.3336292, "
        "Tables 2 to 4. Non-zero weights: median of the networks, biases not counted.",
    )


def write_results(
    folder: Path, parts: Parts, judged: dict[str, Judged], table: report.Table
) -> Path:
    """Writes everything into `folder` and returns the page's path."""
    files = _write_files(folder, parts, judged)
    test = parts.test or parts.validation
    return report.write_page(
        folder / "index.html",
        title="sparsid: an electrolysis cell, simulated by sparse networks",
        intro=_intro(parts.train, test, judged["sparse"]),
        tables=[table],
        figures=_pictures(folder, test, judged),
        files=files,
    )


def _intro(train: Dataset, test: Dataset, sparse: Judged) -> tuple[str, ...]:
    samples, networks = max(test.lengths), len(sparse.ensemble)
    return (
        f"{networks} sparse and {networks} dense networks learnt to simulate an aluminium "
        f"electrolysis cell from {len(train)} recorded trajectories. Each then ran freely over "
        f"{len(test)} test trajectories it had never seen: {samples} samples, "
        f"{samples * test.dt / 3600:.1f} hours, from the first state and the inputs alone.",
        "The test set chose nothing. A run diverged if its mean error exceeds three training "
        "standard deviations in any state. RFMSE is the mean absolute error in training standard "
        "deviations over the runs that did not diverge.",
    )


def _write_files(folder: Path, parts: Parts, judged: dict[str, Judged]) -> dict[str | Path, str]:
    files: dict[str | Path, str] = {}
    for name, result in judged.items():
        path = folder / f"{name}.sparsid"
        result.ensemble.save(path)
        files[path] = f"the {name} ensemble, {len(result.ensemble)} networks"
    for name, data in (
        ("train", parts.train),
        ("validation", parts.validation),
        ("test", parts.test),
    ):
        if data is not None:
            data.to_netcdf(folder / f"{name}.nc")
            files[folder / f"{name}.nc"] = f"{name} data, {len(data)} trajectories (NetCDF)"
    return files


def _pictures(folder: Path, test: Dataset, judged: dict[str, Judged]) -> list[report.Picture]:
    shown = test[0]
    time = np.arange(shown.samples) * test.dt
    ensembles = {name: result.runs[:, 0, : shown.samples] for name, result in judged.items()}
    sparse = judged["sparse"]
    best = int(np.median(sparse.error, axis=(1, 2)).argmin())
    graph = graph_of(sparse.ensemble, best)
    errors = {n: r.error.reshape(-1, r.error.shape[-1]) for n, r in judged.items()}
    horizons = list(sparse.scores)
    curves = {name: _curves(result.fitted.history) for name, result in judged.items()}
    figures = {
        "trajectories": (
            report.trajectories(time, shown.x, ensembles, test.states.names, test.states.units),
            "Truth and free runs, first test trajectory",
            "Dashed: the true cell. Thin: each network; thick: their median.",
        ),
        "inputs": (
            report.inputs(time, shown.u, test.inputs.names, test.inputs.units),
            "Inputs of the first test trajectory",
            "",
        ),
        "error_growth": (
            report.error_growth(time, errors, limit=(3.0, "diverged")),
            "Error growth",
            "Mean absolute error over the states in training standard deviations: median of all "
            "runs, and 10 to 90 %.",
        ),
        "diverged": (
            report.diverged_share(
                horizons,
                {name: [_interval(s) for s in r.scores.values()] for name, r in judged.items()},
                published={n: _published_shares(PUBLISHED[n], horizons) for n in judged},
                dt=test.dt,
            ),
            "Diverged runs",
            "With 95 % intervals that allow for networks and trajectories in common.",
        ),
        "network": (
            report.network(graph),
            "A pruned network",
            f"{graph.nonzero_count} of {graph.weight_count} weights are not zero.",
        ),
        "links": (
            report.link_matrix(graph.links(), graph.input_names, graph.output_names),
            "Which input drives which state in that network",
            "",
        ),
        "training": (report.training_history(curves), "Training", ""),
    }
    return [
        report.Picture(title, report.save(figure, folder / "figures", name), caption)
        for name, (figure, title, caption) in ((name, figures[name]) for name in FIGURES)
    ]


def _interval(score: HorizonScore) -> tuple[float, float, float]:
    return (score.diverged_count / score.runs, *rate_interval(score.diverged))


def _published_shares(model: str, horizons: list[int]) -> list[float | None]:
    row = report.published("divergence_percent")[model]
    shares = (row.get(str(horizon)) for horizon in horizons)
    return [None if share is None else share / 100 for share in shares]


def _curves(history: History) -> report.Curves:
    seen = history.epochs
    blank = np.full(len(seen[0].train), np.nan)
    return report.Curves(
        np.arange(1, len(seen) + 1),
        np.stack([e.train for e in seen], axis=1),
        np.stack([e.validation for e in seen], axis=1),
        np.stack([blank if e.free_run is None else e.free_run for e in seen], axis=1),
    )
