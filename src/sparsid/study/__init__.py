"""Studies: many configurations trained on the data of one plant, evaluated and compared.

The names below are imported on first use: reading a study does not load JAX.
"""

from typing import TYPE_CHECKING

from sparsid._lazy import lazy_attributes

if TYPE_CHECKING:
    from sparsid.study.reading import read_study
    from sparsid.study.results import StudyResults, load_results
    from sparsid.study.running import Outcome, run_study
    from sparsid.study.tasks.simulate.spec import StudySpec

_HOMES = {
    "read_study": "sparsid.study.reading",
    **dict.fromkeys(("Outcome", "run_study"), "sparsid.study.running"),
    "StudySpec": "sparsid.study.tasks.simulate.spec",
    **dict.fromkeys(("StudyResults", "load_results"), "sparsid.study.results"),
}

__all__ = [
    "Outcome",
    "StudyResults",
    "StudySpec",
    "load_results",
    "read_study",
    "run_study",
]

__getattr__ = lazy_attributes(__name__, _HOMES)
