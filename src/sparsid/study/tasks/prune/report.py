"""The document of a study of pruning."""

from sparsid.report.document import Document
from sparsid.study.documents import document_of
from sparsid.study.results import StudyResults
from sparsid.study.tasks.prune.figures import figures
from sparsid.study.tasks.prune.tables import tables


def report(results: StudyResults) -> Document:
    """Results of all configurations, compared with published networks if the study names any."""
    return document_of(results, tables(results), figures(results))
