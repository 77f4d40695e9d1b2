"""The document of a study of simulators."""

from sparsid.report.document import Document, File
from sparsid.study.documents import document_of
from sparsid.study.results import StudyResults
from sparsid.study.tasks.simulate.exits import EXITS, exits_csv
from sparsid.study.tasks.simulate.figures import figures
from sparsid.study.tasks.simulate.results import configuration
from sparsid.study.tasks.simulate.tables import comparison, tables
from sparsid.study.tasks.simulate.verdicts import compare as compared


def report(results: StudyResults) -> Document:
    """Tables with published numbers, figures, and the file of long runs that left the box."""
    exits = exits_csv(results)
    text = "every long run that left the box: when, and in which state"
    files = () if exits is None else (File(results.folder / EXITS, text, exits),)
    return document_of(results, tables(results), figures(results), files)


def compare(results: StudyResults, first: str, second: str) -> Document:
    """Differences between two configurations, first minus second, at every horizon."""
    pair = compared(configuration(results, first), configuration(results, second))
    return Document("", tables=(comparison([pair]),))
