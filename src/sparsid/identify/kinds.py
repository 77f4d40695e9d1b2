"""Registries of recipes and linear baselines, imported on first use.

A recipe is a complete training procedure with defaults. "auto" stands for the recipes of the
architecture (`AbstractArchitecture.recipes`), of which validation selects one.
"""

from typing import Any

from sparsid._registry import Registry

AUTO = "auto"

RECIPES: Registry[Any] = Registry("recipe")  # of `recipes.RecipeKind`
RECIPES.add("one-step", "sparsid.identify.recipes.one_step:ONE_STEP")
RECIPES.add("dense", "sparsid.identify.recipes.one_step:DENSE")
RECIPES.add("free-run", "sparsid.identify.recipes.free_run:FREE_RUN")
RECIPES.add("readable", "sparsid.identify.recipes.readable:READABLE")
RECIPES.add("recurrent", "sparsid.identify.recipes.recurrent:RECURRENT")

BASELINES: Registry[Any] = Registry("linear model")  # of `baselines.Baseline`
BASELINES.add("linear, one-step", "sparsid.identify.baselines:one_step")
BASELINES.add("linear, free-run", "sparsid.identify.baselines:free_run")
BASELINES.add("linear, ARX", "sparsid.identify.baselines:arx")
BASELINES.add("linear, OE", "sparsid.identify.baselines:output_error")
