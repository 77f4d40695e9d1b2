"""A map study's rows read back, from its folder alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sparsid._errors import SparsidError
from sparsid.results import ResultStore, Row
from sparsid.study.map_spec import MapConfigurationSpec, MapStudySpec, ProblemSpec
from sparsid.study.tables import parse


@dataclass(frozen=True)
class MapResults:
    """What is stored of one problem, configuration and rate, in the order of the seeds."""

    problem: ProblemSpec
    spec: MapConfigurationSpec
    rate: float
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def test(self) -> Float[np.ndarray, " start"]:
        """Test errors in standard deviations of the function; inf where one is not finite."""
        found = [row.numbers["test_rmse"] for row in self.rows]
        return np.array([np.inf if value is None else value for value in found])


@dataclass(frozen=True)
class MapStudyResults:
    """Everything in a map study's folder; `missing` counts cells not stored yet."""

    folder: Path
    study: MapStudySpec
    configurations: tuple[MapResults, ...]  # those with at least one row
    missing: int


def load_maps(folder: str | Path) -> MapStudyResults:
    """Reads the folder of a map study. Raises SparsidError for one that is none, or is damaged."""
    store = ResultStore.open(folder)
    said, path = store.study(), store.folder / "study.json"
    study = parse(MapStudySpec, said.get("specification") or {}, str(path))
    stored, found, missing = store.keys(), [], 0
    try:
        places = {c["key"]: (c["problem"], c["configuration"], c["rate"]) for c in said["cells"]}
    except (KeyError, TypeError):
        raise SparsidError(
            f"{path} is damaged (it says of no cells); delete it and run the study again."
        ) from None
    for problem in study.problem:
        for spec in study.configuration:
            for rate in problem.rates:
                mine = [k for k, at in places.items() if at == (problem.name, spec.name, rate)]
                there = [key for key in mine if key in stored]
                missing += len(mine) - len(there)
                if there:
                    rows = tuple(store.read(key) for key in there)
                    found.append(MapResults(problem, spec, rate, rows))
    return MapStudyResults(store.folder, study, tuple(found), missing)
