"""Recipes: one module per training procedure, registered in `identify.kinds`."""

from sparsid.identify.recipes.free_run import linear_free_run, sparse_free_run
from sparsid.identify.recipes.one_step import dense_one_step, sparse_one_step
from sparsid.identify.recipes.recipe import Recipe, RecipeKind, Request

__all__ = [
    "Recipe",
    "RecipeKind",
    "Request",
    "dense_one_step",
    "linear_free_run",
    "sparse_free_run",
    "sparse_one_step",
]
