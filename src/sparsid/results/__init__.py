"""Results stored under the digest of their specification: digests, rows, a study's folder."""

from sparsid.results.digest import canonical, digest
from sparsid.results.row import Row
from sparsid.results.store import ResultStore

__all__ = ["ResultStore", "Row", "canonical", "digest"]
