"""Evaluation of free runs: forecasts, errors, divergence, intervals, sparsity."""

from sparsid.data.median import median_run
from sparsid.evaluation.box import BoxExits, box_exits
from sparsid.evaluation.equations import Piece, StateEquation, state_equations, written
from sparsid.evaluation.fitting_data import matched
from sparsid.evaluation.forecast import finite_lengths, forecast
from sparsid.evaluation.intervals import rate_interval, two_way_bootstrap, wilson
from sparsid.evaluation.metrics import (
    HorizonScore,
    error_over_time,
    free_run_errors,
    horizon_scores,
    rmse,
    score,
    window_scores,
)
from sparsid.evaluation.pairs import Estimate, error_difference, mean_interval, rate_difference
from sparsid.evaluation.per_state import alone_errors, one_step_errors
from sparsid.evaluation.sparsity import sparsity
from sparsid.evaluation.structure import (
    Recovery,
    Structure,
    agreement,
    channel_scales,
    pooled,
    recovery,
    structure,
)
from sparsid.graph.sparsity import LayerSparsity, Sparsity

__all__ = [
    "BoxExits",
    "Estimate",
    "HorizonScore",
    "LayerSparsity",
    "Piece",
    "Recovery",
    "Sparsity",
    "StateEquation",
    "Structure",
    "agreement",
    "alone_errors",
    "box_exits",
    "channel_scales",
    "error_difference",
    "error_over_time",
    "finite_lengths",
    "forecast",
    "free_run_errors",
    "horizon_scores",
    "matched",
    "mean_interval",
    "median_run",
    "one_step_errors",
    "pooled",
    "rate_difference",
    "rate_interval",
    "recovery",
    "rmse",
    "score",
    "sparsity",
    "state_equations",
    "structure",
    "two_way_bootstrap",
    "wilson",
    "window_scores",
    "written",
]
