"""Scores of a fitted network, as they are written to rows and read from them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float

from sparsid.results import Row


@dataclass(frozen=True)
class MapScores:
    """Errors in standard deviations of the function, None where NaN or infinite; the loss curve."""

    train_rmse: float | None
    test_rmse: float | None
    loss: Float[np.ndarray, " points"]
    loss_epoch: Float[np.ndarray, " points"]

    def to_row(self) -> tuple[dict[str, float | None], dict[str, np.ndarray]]:
        """Numbers and series of a row."""
        numbers = {"train_rmse": self.train_rmse, "test_rmse": self.test_rmse}
        return numbers, {"loss": self.loss, "loss_epoch": self.loss_epoch}

    @classmethod
    def of_row(cls, row: Row) -> Self:
        """The scores in a row."""
        n, series = row.numbers, row.series
        return cls(n["train_rmse"], n["test_rmse"], series["loss"], series["loss_epoch"])
