"""Matches datasets to loaded models."""

from sparsid.data import Dataset, match_model
from sparsid.models import Card


def matched(card: Card, dataset: Dataset) -> tuple[Dataset, list[str]]:
    """The dataset with only the model's channels, in its order, and notes for the user.

    Channels are found by name; outputs that the model simulates are returned as states. Raises
    SparsidError for missing channels, different units or another sampling time.
    """
    observes = card.architecture.observes
    return match_model(dataset, observes, card.states, card.inputs, card.dt)
