"""Fixtures that several folders of tests share."""

import os
from pathlib import Path

import pytest

import sparsid

PROJECT = Path(__file__).parents[1]


def pytest_configure():
    """Every core a device, before any test computes: it cannot be changed afterwards."""
    sparsid.use_cores()


@pytest.fixture(scope="session")
def measured_data() -> Path:
    """The folder of measured records; a test that needs it is skipped where there is none."""
    folder = Path(os.environ.get("SPARSID_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no measured data in {folder}; SPARSID_DATA names another folder")
    return folder
