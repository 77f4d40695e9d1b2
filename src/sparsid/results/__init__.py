"""Results named by their content and written whole: digests, rows, and the folder of a study."""

from sparsid.results.digest import canonical, digest
from sparsid.results.row import Row
from sparsid.results.store import ResultStore

__all__ = ["ResultStore", "Row", "canonical", "digest"]
