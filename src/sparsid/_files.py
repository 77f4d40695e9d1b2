"""Files written whole: nothing half-written is ever left under the final name.

A part file lies beside its target until it is complete: `.NAME.HOST-PID-START-RANDOM.part`.
Several processes on several hosts may write into one folder, even the same file: each has a part of
its own, and the last rename wins.
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

DAY = 86400.0  # seconds after which a part file whose process cannot be asked is an orphan
_PART = re.compile(r"\..+\.(?P<host>\w+)-(?P<pid>\d+)-(?P<start>\d+)-[0-9a-f]{16}\.(part|test)")
_OLD_PART = re.compile(r"\..+\.\d+\.(part|test)")  # `.NAME.PID.part`: it does not say which host
_NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}  # of file systems that cannot


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """A new part file beside `path` to write to, renamed to `path` when the block ends well.

    Its content is on the disk before it is renamed. A link at `path` is replaced, not followed.
    Raises SparsidError if the place cannot be written to.
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


@contextmanager
def temporary_file(folder: Path) -> Iterator[Path]:
    """A new hidden file in `folder` while the block runs. Raises OSError if it cannot be made."""
    with _made_beside(folder / "temporary", "test") as (path, _):
        yield path


def remove_orphans(folder: Path) -> None:
    """Removes the part files in `folder` whose process is no more.

    One of this host is judged by its process: its number and when it started, because numbers are
    used again. One of another host, or that does not say, is an orphan after a day, by the clock of
    the file system. A folder that cannot be written to is left as it is.
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
        return f"no file can be made in {path.parent} ({error.strerror or error})"
    return None


@contextmanager
def _made_beside(path: Path, suffix: str) -> Iterator[tuple[Path, int]]:
    """A new hidden file in the folder of `path` and its descriptor; removed if it is still there.

    It is made exclusively: neither a file nor a link that is there already is opened.
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
    """Raises OSError unless the part file is still the one that was made."""
    if not os.path.samestat(os.lstat(part), os.fstat(descriptor)):
        raise OSError(errno.ESTALE, f"its part file {part.name} was replaced by another program")


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _sync_folder(folder: Path) -> None:
    """The rename itself is on the disk too, where the system can do that."""
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
    """Whether the process of this number that started then is no more; `old` decides if unknown."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass  # somebody else's
    now = _started(process)
    return start != now if start and now else old


@cache
def _host() -> str:
    """This host's name in letters and digits, and what tells its process numbers from others'.

    Those are one numbering within one boot and one namespace (container); names may be the same.
    """
    name = os.uname().nodename
    content = [name]
    with suppress(OSError):
        content.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        content.append(os.readlink("/proc/self/ns/pid"))
    safe = re.sub("[^A-Za-z0-9]+", "_", name)[:24]
    return f"{safe}_{zlib.crc32(''.join(content).encode()):08x}"


def _started(process: int) -> int | None:
    """When a process began, in ticks of the system's clock; None where that is not known."""
    try:
        content = Path(f"/proc/{process}/stat").read_text()
        return int(content.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
