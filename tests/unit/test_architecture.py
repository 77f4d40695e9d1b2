"""Options of a network that are refused: one sentence in Python, the place in a specification."""

import pickle

import pytest

from sparsid._errors import SparsidError
from sparsid.identify import FitSpec, parse
from sparsid.models import DerivativeMLP


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"activation": "rleu"}, "Unknown activation 'rleu'.*Did you mean 'relu'"),
        ({"stepper": "midpoint"}, "Unknown stepper 'midpoint'; known: euler, rk4"),
        ({"widths": (3, 0)}, "`widths` must be positive"),
        ({"widths": "wide"}, "`widths` of DerivativeMLP .*tuple.*'wide'"),
        ({"width": 3}, "'width'; known: .*Did you mean 'widths'"),
    ],
)
def test_bad_options_get_one_sentence(options, words):
    with pytest.raises(SparsidError, match=words) as caught:
        DerivativeMLP(**options)
    assert "\n" not in str(caught.value)


def test_a_specification_still_says_which_key_is_wrong():
    tables = {"data": {"files": ["a.csv"]}}
    with pytest.raises(SparsidError, match=r"Unknown key 'width'; known: .*'widths'"):
        parse(FitSpec, tables | {"model": {"width": 3}}, "fit")
    with pytest.raises(SparsidError, match=r"`model\.widths` is invalid"):
        parse(FitSpec, tables | {"model": {"widths": ["wide"]}}, "fit")
    with pytest.raises(SparsidError, match="Unknown activation 'rleu'"):
        parse(FitSpec, tables | {"model": {"activation": "rleu"}}, "fit")


def test_good_options_pass_through():
    model = DerivativeMLP(widths=(4,), activation="tanh", skip=True)
    assert model.widths == (4,)
    assert pickle.loads(pickle.dumps(model)) == model == DerivativeMLP(**model.model_dump())
