"""Files written whole: nothing half-written is ever left under the final name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sparsid._errors import SparsidError


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """A part file beside `path` to write to, renamed to `path` when the block ends well.

    Raises SparsidError if the place cannot be written to.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        check_writable(path)
        yield part
        os.replace(part, path)
    except OSError as error:
        raise SparsidError(
            f"Cannot write {path}: {error.strerror or error}; choose another place for the output."
        ) from error
    finally:
        with suppress(OSError):  # a place that cannot be written to has nothing to remove
            part.unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """Raises SparsidError if a file could not be created at `path`; long work calls it first."""
    path = Path(path)
    parent = path.parent
    if path.is_dir():
        reason = "it is a folder"
    elif not parent.is_dir():
        reason = f"the folder {parent} does not exist"
    elif not os.access(parent, os.W_OK):
        reason = f"no permission to write in {parent}"
    else:
        return
    raise SparsidError(f"Cannot write {path}: {reason}; choose another place for the output.")
