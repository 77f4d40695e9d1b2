"""Things found by name: decorated, or named by their place and imported when asked for."""

import sys

import pytest

from sparsid._errors import SparsidError
from sparsid._registry import Registry


def test_a_thing_named_by_its_place_is_imported_when_it_is_asked_for():
    registry: Registry = Registry("number")
    registry.add("tau", "this:s")  # the standard library's joke module prints when imported
    sys.modules.pop("this", None)
    registry.check("tau")
    assert list(registry) == ["tau"]
    assert len(registry) == 1
    assert "tau" in registry
    assert "this" not in sys.modules
    assert registry["tau"].startswith("Gur Mra")
    assert "this" in sys.modules


def test_decorated_and_placed_things_stand_in_one_list():
    registry: Registry = Registry("number")
    registry.register("two")(2)
    registry.add("three", "math:pi")
    assert list(registry) == ["three", "two"]
    assert registry["two"] == 2


@pytest.mark.parametrize("ask", ["check", "__getitem__"])
def test_an_unknown_name_is_refused_with_the_known_ones(ask):
    registry: Registry = Registry("number")
    registry.add("three", "math:pi")
    with pytest.raises(SparsidError, match=r"Unknown number 'thre'; known: three. Did you mean"):
        getattr(registry, ask)("thre")
