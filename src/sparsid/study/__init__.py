"""Studies: many configurations on one plant's data, trained, judged and compared.

The names below load on first use: a study is read, and refused, without JAX.
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
