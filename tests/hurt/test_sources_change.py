"""A source that goes, shrinks or turns into another one while it is read: a fault of that file
alone; once the file is back, the same command makes the store of an undisturbed run."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.hurt.long import check_others, check_put_right, put_back, while_read
from tests.hurt.running import ALONE, LOCAL, RAY, extract
from tests.hurt.stores import Whole, statuses
from vidcl.tracks.extraction.faults import TRANSIENT
from vidcl.tracks.store import open_store


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def overwrite(path: Path) -> None:
    """Other bytes in the same place, as by a copy that runs over it."""
    with open(path, "r+b") as file:
        file.write(np.random.default_rng(0).bytes(path.stat().st_size))


CHANGES: dict[str, Callable[[Path], None]] = {
    "deleted": Path.unlink,
    "cut": cut_in_half,
    "emptied": empty,
    "overwritten": overwrite,
}


@pytest.fixture()
def fragile(long_whole) -> Whole:
    """Videos that a test may change."""
    put_back(long_whole)
    return long_whole


def change_while_read(change: str, options: tuple[str, ...], whole: Whole, folder: Path) -> None:
    out, ended = while_read(whole, folder, lambda path, _: CHANGES[change](path), options)
    assert ended.status == 0, ended.error
    ended.check_quiet()
    status, kind = statuses(out)["long.mp4"]
    assert status in ("partial", "failed") and kind in TRANSIENT, (status, kind)
    assert "long.mp4" in ended.out, "the note names it"
    check_others(whole, out)
    check_put_right(whole, out, folder)


@pytest.mark.parametrize("change", ["deleted", "cut"])
def test_a_file_that_changes_while_it_is_read_costs_only_itself(change, fragile, tmp_path):
    change_while_read(change, ALONE, fragile, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("options", [LOCAL, RAY], ids=["local", "ray"])
@pytest.mark.parametrize("change", list(CHANGES))
def test_any_change_with_any_engine_costs_only_itself(change, options, fragile, tmp_path):
    change_while_read(change, options, fragile, tmp_path)


@pytest.mark.full
def test_files_that_vanish_before_their_turn_are_missing_and_come_back(fragile, tmp_path):
    listed = tmp_path / "list.txt"
    names = ("a.mkv", "long.mp4", "z.mkv")
    listed.write_text("".join(f"{fragile.clips / name}\n" for name in names))
    aside = tmp_path / "aside.mkv"
    os.rename(fragile.clips / "z.mkv", aside)
    out = tmp_path / "store"
    ended = extract(tmp_path / "run", [listed], out, *ALONE)
    assert ended.status == 0, ended.error
    ended.check_quiet()
    assert statuses(out)["z.mkv"] == ("failed", "missing")
    assert statuses(out)["a.mkv"] == ("ok", None)
    os.rename(aside, fragile.clips / "z.mkv")
    again = extract(tmp_path / "again", [listed], out, *ALONE)
    assert again.status == 0, again.error
    assert {status for status, _ in statuses(out).values()} == {"ok"}
    before, after = open_store(fragile.store), open_store(out)
    assert sorted(after.lengths) == sorted(before.lengths)
