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
    part = _beside(path, "part")
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


def make_folder(folder: Path) -> None:
    """Makes the folder and those above it. Raises SparsidError if it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SparsidError(
            f"Cannot make the folder {folder}: {error.strerror or error}; choose another place."
        ) from error


def check_writable(path: str | Path) -> None:
    """Raises SparsidError if a file could not be created at `path`; long work calls it first.

    It tries: an empty file is made beside `path` and removed. What stands there is left alone.
    """
    path = Path(path)
    if reason := _obstacle(path):
        raise SparsidError(f"Cannot write {path}: {reason}; choose another place for the output.")


def _obstacle(path: Path) -> str | None:
    """Why no file can be created at `path`; None if one can."""
    if path.is_dir():
        return "it is a folder"
    if path.exists() and not path.is_file():
        return "it is a device or a pipe, not a file"
    if not path.parent.is_dir():
        return f"the folder {path.parent} does not exist"
    trial = _beside(path, "test")
    try:
        trial.touch()
        trial.unlink(missing_ok=True)  # another thread may have tried at the same time
    except OSError as error:
        return f"no file can be made in {path.parent} ({error.strerror or error})"
    return None


def _beside(path: Path, suffix: str) -> Path:
    """A hidden file of this process in the folder of `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}.{suffix}")
