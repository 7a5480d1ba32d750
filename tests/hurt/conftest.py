"""Videos and their undisturbed store, for the tests that hurt."""

import time

import pytest

from tests.hurt.clips import write_clips
from tests.hurt.long import make_long
from tests.hurt.running import extract
from tests.hurt.stores import Whole, check_tidy


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Whole:
    """Four good videos, a half one and one that is none, extracted in one go without Ray."""
    folder = tmp_path_factory.mktemp("whole")
    clips, store = folder / "clips", folder / "store"
    clips.mkdir()
    write_clips(clips, 4)
    began = time.monotonic()
    ended = extract(folder / "run", [clips], store, "--engine", "local", "--workers", "2")
    assert ended.status == 0, ended.error
    check_tidy(store)
    return Whole(clips, store, time.monotonic() - began)


@pytest.fixture(scope="session")
def long_whole(tmp_path_factory) -> Whole:
    """One long video among short ones, see ``make_long``."""
    return make_long(tmp_path_factory.mktemp("long"))
