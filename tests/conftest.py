"""Fixtures that several folders of tests share."""

import os
import tempfile
from pathlib import Path

import pytest

import sparsid

PROJECT = Path(__file__).parents[1]


def pytest_configure(config):
    """Every core a device, before any test computes: it cannot be changed afterwards.

    Compiled programs pass between the processes of one run, those that tests start among them.
    """
    if not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="sparsid-programs-")
        config.add_cleanup(folder.cleanup)
        os.environ["JAX_COMPILATION_CACHE_DIR"] = folder.name
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    sparsid.use_cores()


@pytest.fixture(scope="session")
def measured_data() -> Path:
    """The folder of measured records; a test that needs it is skipped where there is none."""
    folder = Path(os.environ.get("SPARSID_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no measured data in {folder}; SPARSID_DATA names another folder")
    return folder
