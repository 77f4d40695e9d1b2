"""Data as a model takes it: the one place where a model in memory meets a dataset."""

from sparsid.data import Dataset, match_model
from sparsid.models import Card


def matched(card: Card, dataset: Dataset) -> tuple[Dataset, list[str]]:
    """The dataset with just the model's channels, in its order, and notes to say aloud.

    Channels are found by name; outputs that the model simulates come back as states. Raises
    SparsidError for channels that are missing, units that differ or another sampling time.
    """
    observes = card.architecture.observes
    return match_model(dataset, observes, card.states, card.inputs, card.dt)
