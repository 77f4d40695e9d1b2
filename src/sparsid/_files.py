"""Atomic writing of files: an incomplete file never has the final name.

Content is written to a part file in the same folder, `.NAME.HOST-PID-START-RANDOM.part`, which is
renamed when it is complete. Processes on several hosts may write into one folder, even the same
file: each has its own part file, and the last rename wins.
"""

import errno
import os
import re
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from sparsid._errors import SparsidError

DAY = 86400.0  # seconds after which a part file of an unknown process is an orphan
_PART = re.compile(r"\..+\.(?P<host>\w+)-(?P<pid>\d+)-(?P<start>\d+)-[0-9a-f]{16}\.(part|test)")
_OLD_PART = re.compile(r"\..+\.\d+\.(part|test)")  # `.NAME.PID.part`, without host
_NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}  # of file systems without fsync


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """A new part file next to `path`, renamed to `path` when the block succeeds.

    Its content is synced to disk before it is renamed. A link at `path` is replaced, not followed.
    Raises SparsidError if `path` cannot be written.
    """
    path = Path(path)
    try:
        check_writable(path)
        with _made_beside(path, "part") as (part, descriptor):
            yield part
            _check_same(part, descriptor)
            _sync(descriptor)
            os.replace(part, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise SparsidError(
            f"Cannot write {path}: {error.strerror or error}; choose another place for the output."
        ) from error


def make_folder(folder: Path) -> None:
    """Creates the folder and its parents. Raises SparsidError on failure."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SparsidError(
            f"Cannot create the folder {folder}: {error.strerror or error}; choose another place."
        ) from error


def check_writable(path: str | Path) -> None:
    """Raises SparsidError if a file cannot be created at `path`; to be called before long work.

    It creates and removes an empty file in the same folder. An existing file is not touched.
    """
    path = Path(path)
    if reason := _obstacle(path):
        raise SparsidError(f"Cannot write {path}: {reason}; choose another place for the output.")


@contextmanager
def temporary_file(folder: Path) -> Iterator[Path]:
    """A new hidden file in `folder` while the block runs. Raises OSError on failure."""
    with _made_beside(folder / "temporary", "test") as (path, _):
        yield path


def remove_orphans(folder: Path) -> None:
    """Removes the part files in `folder` whose process has ended.

    On this host a process is identified by its id and start time, because ids are reused. A part
    file of another or an unknown host is an orphan after a day, by the clock of the file system. A
    folder without write permission is left unchanged.
    """
    parts = [path for path in folder.glob(".*") if path.name.endswith((".part", ".test"))]
    if not parts:
        return
    with suppress(OSError):
        with _made_beside(folder / "now", "test") as (_, descriptor):
            now = os.fstat(descriptor).st_mtime
        for part in parts:
            with suppress(OSError):
                if _is_orphan(part, now):
                    part.unlink(missing_ok=True)


def _obstacle(path: Path) -> str | None:
    """Why no file can be created at `path`; None if one can."""
    if path.is_dir():
        return "it is a folder"
    if path.exists() and not path.is_file():
        return "it is a device or a pipe, not a file"
    if not path.parent.is_dir():
        return f"the folder {path.parent} does not exist"
    try:
        with _made_beside(path, "test"):
            pass
    except OSError as error:
        return f"no file can be created in {path.parent} ({error.strerror or error})"
    return None


@contextmanager
def _made_beside(path: Path, suffix: str) -> Iterator[tuple[Path, int]]:
    """A new hidden file in the folder of `path` and its descriptor; removed in the end if present.

    It is created exclusively: an existing file or link is never opened.
    """
    owner = f"{_host()}-{os.getpid()}-{_started(os.getpid()) or 0}"
    made = path.with_name(f".{path.name}.{owner}-{secrets.token_hex(8)}.{suffix}")
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(made, flags | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        yield made, descriptor
    finally:
        os.close(descriptor)
        with suppress(OSError):
            made.unlink(missing_ok=True)


def _check_same(part: Path, descriptor: int) -> None:
    """Raises OSError if the part file was replaced."""
    if not os.path.samestat(os.lstat(part), os.fstat(descriptor)):
        raise OSError(errno.ESTALE, f"its part file {part.name} was replaced by another program")


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _sync_folder(folder: Path) -> None:
    """Syncs the rename itself to disk, if the system supports that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_orphan(part: Path, now: float) -> bool:
    old = now - part.lstat().st_mtime > DAY
    if found := _PART.fullmatch(part.name):
        if found["host"] != _host():
            return old
        return _is_gone(int(found["pid"]), int(found["start"]), old)
    return old and _OLD_PART.fullmatch(part.name) is not None


def _is_gone(process: int, start: int, old: bool) -> bool:
    """Whether the process with this id and start time has ended; `old` decides if unknown."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass  # a process of another user
    now = _started(process)
    return start != now if start and now else old


@cache
def _host() -> str:
    """This host's name in letters and digits, and a checksum of its boot and process namespace.

    Process ids are unique within one boot and one namespace (container); names may coincide.
    """
    name = os.uname().nodename
    content = [name]
    with suppress(OSError):
        content.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        content.append(os.readlink("/proc/self/ns/pid"))
    safe = re.sub("[^A-Za-z0-9]+", "_", name)[:24]
    return f"{safe}_{zlib.crc32(''.join(content).encode()):08x}"


def _started(process: int) -> int | None:
    """The start time of a process, in ticks of the system's clock; None if unknown."""
    try:
        content = Path(f"/proc/{process}/stat").read_text()
        return int(content.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
