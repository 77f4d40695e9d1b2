"""Studies: many configurations on one plant's data, trained, judged and compared."""

from sparsid.study.reading import read_study
from sparsid.study.running import Outcome, run_study
from sparsid.study.studies import StudySpec
from sparsid.study.summary import StudyResults, load_results

__all__ = [
    "Outcome",
    "StudyResults",
    "StudySpec",
    "load_results",
    "read_study",
    "run_study",
]
