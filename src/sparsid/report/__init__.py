"""What people look at: documents, figures as data, and renderers. No JAX.

A document (`report.document`) holds notes, tables of typed cells, figures (`report.figures`) and
files. `report.render` has a module for each target that shows it: `text` (one cell), `console`,
`markdown`, `page` and `drawing`.
"""

from typing import TYPE_CHECKING

from sparsid._lazy import lazily

if TYPE_CHECKING:
    from sparsid.report.old import *  # noqa: F403

# To be deleted with `old.py`, once every caller makes documents.
_OLD = (
    *("Curves", "Interval", "PathCurve", "Picture", "Saved", "Seeds", "SizePanel", "Table"),
    *("against_size", "agreement", "distributions", "diverged_share", "error_growth"),
    *("error_violins", "inputs", "link_matrix", "markdown", "network", "pairs", "pruning_paths"),
    *("saliencies", "save", "sparsity_against_error", "study_page", "training_history"),
    *("trajectories", "write_page"),
)
__getattr__ = lazily(__name__, dict.fromkeys(_OLD, "sparsid.report.old"))
