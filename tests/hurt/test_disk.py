"""A disk that is full, a quota, and a folder that may not be written: one sentence, and after it is
put right the same command makes the store of an undisturbed run."""

import shutil
from pathlib import Path

import pytest

from tests.hurt.mounts import change_disk, small_disk
from tests.hurt.rights import bound_by_rights
from tests.hurt.running import ALONE, LOCAL, RAY, Ended, Run, extract
from tests.hurt.stores import Whole, check_same, size_of


def check_full_disk(whole: Whole, share: float, options: tuple[str, ...], folder: Path) -> Ended:
    """Extract onto a disk that holds ``share`` of the store, make room, and extract again."""
    size = max(4096, int(share * size_of(whole.store)) // 4096 * 4096)
    with small_disk(folder / "disk", size) as disk:
        out = disk / "store"
        ended = extract(folder / "run", [whole.clips], out, *options)
        assert ended.status == 1, (share, ended)
        assert "No space left" in ended.sentence(), (share, ended.error)
        change_disk(disk, "size=64m")
        again = extract(folder / "again", [whole.clips], out, *ALONE)
        assert again.status == 0, (share, again.error)
        check_same(out, whole.store)
    return ended


def test_a_full_disk_is_one_sentence_and_continues(whole, tmp_path):
    ended = check_full_disk(whole, 0.5, ALONE, tmp_path)
    assert "make room" in ended.error and "same command" in ended.error


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("options", [LOCAL, RAY], ids=["local", "ray"])
def test_a_disk_that_is_full_at_any_time(options, whole, tmp_path):
    """From one that cannot hold the plan to one that lacks room for the table of videos."""
    for number, share in enumerate([0.0, 0.03, 0.06, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95]):
        check_full_disk(whole, share, options, tmp_path / str(number))


@pytest.mark.parametrize("largest", [3000, pytest.param(30_000, marks=pytest.mark.full)])
def test_a_quota_on_files_is_one_sentence_and_continues(whole, largest, tmp_path):
    """``ulimit -f``: no file may grow beyond it; 3 kB is less than the plan needs."""
    out = tmp_path / "store"
    ended = Run(tmp_path / "run", [whole.clips], out, *ALONE, largest_file=largest).wait()
    assert ended.status == 1, ended
    said = ended.sentence()
    assert "File too large" in said and "same command" in said, said
    again = extract(tmp_path / "again", [whole.clips], out, *ALONE)
    assert again.status == 0, again.error
    check_same(out, whole.store)


def test_an_output_that_may_not_be_written_is_one_sentence(whole, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o500)
    run = Run(tmp_path / "run", [whole.clips], locked / "store", *ALONE, prefix=bound_by_rights())
    ended = run.wait()
    assert ended.status == 1
    assert "Permission denied" in ended.sentence() and "another --out" in ended.error
    locked.chmod(0o700)


def test_an_output_on_a_disk_for_reading_is_one_sentence(whole, tmp_path):
    with small_disk(tmp_path / "disk", 64 * 2**20) as disk:
        change_disk(disk, "ro")
        ended = extract(tmp_path / "run", [whole.clips], disk / "store", *ALONE)
        assert ended.status == 1
        assert "Read-only file system" in ended.sentence() and "another --out" in ended.error


@pytest.mark.full
def test_a_store_that_became_read_only_is_one_sentence(whole, tmp_path):
    """Half of it is there, then its disk is only for reading; afterwards it is made whole."""
    with small_disk(tmp_path / "disk", 64 * 2**20) as disk:
        out = disk / "store"
        shutil.copytree(whole.store, out)
        for number in (1, 3):
            (out / "shards" / f"shard-{number:05d}.arrow").unlink()
        change_disk(disk, "ro")
        ended = extract(tmp_path / "run", [whole.clips], out, *ALONE)
        assert ended.status == 1 and "Read-only file system" in ended.sentence()
        change_disk(disk, "rw")
        again = extract(tmp_path / "again", [whole.clips], out, *ALONE)
        assert again.status == 0, again.error
        check_same(out, whole.store)
