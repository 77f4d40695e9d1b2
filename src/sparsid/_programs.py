"""Compiled programs cached between runs, in JAX's persistent compilation cache.

Cached programs are machine code that is executed unchecked: the folder must be the user's own.
"""

import hashlib
import os
import platform
import re
import shutil
import stat
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import jax

VARIABLE = "SPARSID_CACHE"  # a folder, or "off"
LARGEST = 512 * 2**20  # bytes of all programs together; the least recently used are removed first
OLD = 90 * 86400  # seconds; folders of other versions of JAX are removed when unused for so long
OWN = "JAX_COMPILATION_CACHE_DIR"  # the user's own cache folder
SETTINGS = {
    "JAX_COMPILATION_CACHE_MAX_SIZE": LARGEST,
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": 0.0,
    "JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES": "none",  # they grow without bound
}
_DAMAGED = re.compile(r"Error reading persistent compilation cache entry for '(.*?)'")
_ANY = r"Error (reading|writing) persistent compilation cache"


def keep_programs(print_notes: Callable[[Iterable[str]], None]) -> Path | None:
    """Makes JAX cache compiled programs on disk, for this process and its children.

    The folder is that of SPARSID_CACHE, else `sparsid` in the user's cache folder; in it each
    version of JAX and each kind of processor has its own, as programs are specific to both. Returns
    it, or None if nothing is cached: SPARSID_CACHE is "off", JAX_COMPILATION_CACHE_DIR is set, or
    the folder cannot be used, which is passed to `print_notes`.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked.lower() == "off" or OWN in os.environ:
        return None
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if not asked and home.startswith("~"):  # this user has no home
        return None
    folder = Path(asked or Path(home) / "sparsid").absolute() / f"jax-{_machine()}"
    if reason := _unusable(folder):
        print_notes(
            [f"Compiled programs are not cached: {folder} {reason}; {VARIABLE}=off silences this."]
        )
        return None
    for name, value in {OWN: folder, **SETTINGS}.items():
        if name not in os.environ:
            os.environ[name] = str(value)  # for worker processes
            jax.config.update(name.lower(), str(value) if name == OWN else value)
    _remove_damaged(folder, print_notes)
    return folder


def _unusable(folder: Path) -> str | None:
    """Why programs cannot be cached in `folder`, which is created if missing."""
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove_unused(folder.parent)
        about = folder.stat()
        trial = folder / f".{os.getpid()}.test"
        trial.touch()
        trial.unlink()
    except OSError as error:
        return f"cannot be written to ({error.strerror or error})"
    others = stat.S_IWGRP | stat.S_IWOTH
    if hasattr(os, "getuid") and (about.st_uid != os.getuid() or about.st_mode & others):
        return "is not the user's own, or others may write there"
    return None


def _remove_unused(home: Path) -> None:
    """Removes cache folders that have not been used for `OLD` seconds."""
    for folder in home.glob("jax-*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > OLD:
                shutil.rmtree(folder, ignore_errors=True)


def _remove_damaged(folder: Path, print_notes: Callable[[Iterable[str]], None]) -> None:
    """Has damaged programs removed, with one note, so that they are compiled and cached again.

    JAX itself warns of each, compiles it and leaves the damaged file.
    """
    usual, details = warnings.showwarning, []

    def show(message, category, filename, lineno, file=None, line=None) -> None:
        if not re.match(_ANY, str(message)):
            usual(message, category, filename, lineno, file, line)
            return
        if found := _DAMAGED.match(str(message)):
            for path in folder.glob(f"{found[1]}-*"):
                with suppress(OSError):
                    path.unlink()
        if not details:
            details.append(message)
            print_notes([f"A cached program in {folder} cannot be used and is compiled again."])

    warnings.filterwarnings("always", _ANY)
    warnings.showwarning = show


def _machine() -> str:
    """The version of JAX's compiler and a digest of the processor type."""
    features = platform.processor()
    with suppress(OSError):
        text = Path("/proc/cpuinfo").read_text(errors="replace")
        wanted = ("model name", "flags", "Features", "CPU implementer", "CPU part")
        lines = [line for line in text.split("\n\n")[0].splitlines() if line.startswith(wanted)]
        features = "\n".join(lines)
    digest = hashlib.sha256(f"{platform.machine()}\n{features}".encode()).hexdigest()
    return f"{version('jaxlib')}-{digest[:12]}"
