"""Places a file can and cannot be written to: tried, not guessed, and nothing is left behind."""

from pathlib import Path

import pytest

from sparsid._errors import SparsidError
from sparsid._files import check_writable, written_whole


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
        tmp_path / ("a" * 250): "no file can be made",
        Path("/dev/null"): "a device or a pipe",
    }
    for path, reason in reasons.items():
        with pytest.raises(SparsidError, match=f"Cannot write .*{reason}.*another place"):
            check_writable(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="this system has no /proc")
def test_a_folder_that_only_looks_writable_is_found_out():
    """Permissions allow root to write there; creating a file is what fails."""
    with pytest.raises(SparsidError, match="no file can be made in /proc"):
        check_writable("/proc/q.sparsid")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    with written_whole(tmp_path / "a") as part:
        part.write_text("whole")
        assert not (tmp_path / "a").exists()
    with pytest.raises(ZeroDivisionError), written_whole(tmp_path / "a") as part:
        part.write_text(f"ha{1 / 0}")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "whole")]
