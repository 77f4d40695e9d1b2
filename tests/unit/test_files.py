"""Places a file can and cannot be written to: tried, not guessed, and nothing is left behind."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparsid._errors import SparsidError
from sparsid._files import atomic_write, check_writable, remove_orphans


def test_a_place_that_can_be_written_to_is_left_as_it_was(tmp_path):
    check_writable(tmp_path / "new.txt")
    assert not list(tmp_path.iterdir())
    (tmp_path / "old.txt").write_text("kept")
    check_writable(tmp_path / "old.txt")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("old.txt", "kept")]


def test_places_that_cannot_are_refused_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    reasons = {
        tmp_path: "it is a folder",
        tmp_path / "absent" / "a": "does not exist",
        tmp_path / "file" / "a": "does not exist",
        tmp_path / ("a" * 250): "no file can be created",
        Path("/dev/null"): "a device or a pipe",
    }
    for path, reason in reasons.items():
        with pytest.raises(SparsidError, match=f"Cannot write .*{reason}.*another place"):
            check_writable(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="this system has no /proc")
def test_a_folder_that_only_looks_writable_is_found_out():
    """Permissions allow root to write there; creating a file is what fails."""
    with pytest.raises(SparsidError, match="no file can be created in /proc"):
        check_writable("/proc/q.sparsid")


def test_a_file_is_atomic_write_or_not_at_all(tmp_path):
    with atomic_write(tmp_path / "a") as part:
        part.write_text("whole")
        assert not (tmp_path / "a").exists()
    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "a") as part:
        part.write_text(f"ha{1 / 0}")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "whole")]


def part_file(folder: Path) -> str:
    """The name of a part file of this process that writes `a` in this folder."""
    with atomic_write(folder / "a") as part:
        part.write_text("")
    return part.name


def test_a_link_planted_where_a_part_file_could_be_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "victim").write_text("untouched")
    monkeypatch.setattr("sparsid._files.secrets.token_hex", lambda size: "0" * 2 * size)
    predictable = part_file(tmp_path)
    for name in (predictable, f".b.{os.getpid()}.part"):
        (tmp_path / name).symlink_to("victim")
    with pytest.raises(SparsidError, match=r"Cannot write .*File exists"):
        part_file(tmp_path)
    monkeypatch.undo()
    with atomic_write(tmp_path / "b") as part:
        part.write_text("mine")
    assert (tmp_path / "victim").read_text() == "untouched"
    assert (tmp_path / predictable).is_symlink()


def test_a_link_at_the_target_is_replaced(tmp_path):
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / "a").symlink_to("victim")
    with atomic_write(tmp_path / "a") as part:
        part.write_text("mine")
    assert not (tmp_path / "a").is_symlink()
    assert ((tmp_path / "victim").read_text(), (tmp_path / "a").read_text()) == (
        "untouched",
        "mine",
    )


def test_a_part_file_that_somebody_replaced_is_not_taken_for_ours(tmp_path):
    (tmp_path / "victim").write_text("untouched")
    writing = atomic_write(tmp_path / "a")
    part = writing.__enter__()
    part.unlink()
    part.symlink_to("victim")
    with pytest.raises(SparsidError, match="replaced by another program"):
        writing.__exit__(None, None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["victim"]


def test_content_is_on_the_disk_before_the_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    done = []
    usual = {"fsync": os.fsync, "replace": os.replace}

    def fsync(descriptor):
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        usual["fsync"](descriptor)

    def replace(part, path):
        done.append("renamed")
        usual["replace"](part, path)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    with atomic_write(tmp_path / "a") as part:
        part.write_text("x")
    assert done == [part.name, "renamed", tmp_path.name]


WRITER = """
import sys
from sparsid._files import atomic_write
for turn in range(200):
    with atomic_write(sys.argv[1]) as part:
        part.write_text(sys.argv[2] * 10000)
"""


def test_two_processes_write_the_same_file_at_once(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "a")]
    both = [subprocess.Popen([*command, letter]) for letter in "xy"]
    seen = set()
    while any(process.poll() is None for process in both):
        if (tmp_path / "a").exists():
            seen.add((tmp_path / "a").read_text())
    assert [process.wait() for process in both] == [0, 0]
    assert seen <= {"x" * 10000, "y" * 10000}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.fixture
def ended():
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_orphans_are_those_of_ended_processes_of_this_host_and_very_old_ones(tmp_path, ended):
    mine = part_file(tmp_path)
    host, pid, start, random = mine.removesuffix(".part").split(".")[-1].split("-")
    if start == "0":
        pytest.skip("this system does not say when a process started")
    assert pid == str(os.getpid())
    later = int(start) + 1  # the number of this process, used again
    young = {
        mine: True,
        f".a.{host}-{ended}-{start}-{random}.part": False,
        f".a.{host}-{ended}-{start}-{random}.test": False,
        f".a.{host}-{pid}-{later}-{random}.part": False,
        f".b.{host}-{pid}-0-{random}.part": True,  # it is not known when it started
        f".a.{host}-{'9' * 30}-{start}-{random}.part": True,  # no number of a process
        f".a.other_0-{ended}-{start}-{random}.part": True,
        f".a.other_0-{pid}-{start}-{random}.part": True,
        f".a.{ended}.part": True,
        ".a.part": True,
        ".notes.test": True,
        ".hidden": True,
    }
    for name in young:
        (tmp_path / name).write_text("half")
    remove_orphans(tmp_path)
    assert {name: (tmp_path / name).exists() for name in young} == young
    before = time.time() - 25 * 3600
    for name in young:
        if young[name]:
            os.utime(tmp_path / name, (before, before))
    remove_orphans(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a", mine, ".a.part", ".notes.test", ".hidden"}


def test_age_counts_by_the_clock_of_the_folder(tmp_path, monkeypatch):
    """A host whose clock is wrong removes nothing that is young."""
    there = tmp_path / f".a.other_0-1-1-{'0' * 16}.part"
    there.write_text("half")
    monkeypatch.setattr(time, "time", lambda: 9e9)
    remove_orphans(tmp_path)
    assert there.exists()


def test_hosts_with_odd_names_are_made_safe(tmp_path, monkeypatch):
    import sparsid._files as files

    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(nodename="/../größe 1.lan\n"))
    files._host.cache_clear()
    try:
        name = part_file(tmp_path)
        assert re.fullmatch(r"\.a\._gr_e_1_lan__[0-9a-f]{8}-\d+-\d+-[0-9a-f]{16}\.part", name)
        (tmp_path / name).write_text("half")
        remove_orphans(tmp_path)
        assert (tmp_path / name).exists()
    finally:
        files._host.cache_clear()
