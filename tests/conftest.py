"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

# Two test processes share two cores: nested thread pools only make them wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real videos and pictures; the test is skipped where there is none."""
    folder = os.environ.get("VIDCL_TEST_DATA")
    if not folder:
        pytest.skip("VIDCL_TEST_DATA names no folder of real data")
    path = Path(folder)
    if not path.is_dir():
        pytest.skip(f"VIDCL_TEST_DATA names {folder}, which is not a folder")
    return path
