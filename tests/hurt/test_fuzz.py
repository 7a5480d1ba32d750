"""Damaged videos: the job lives, none hangs it, each has its row, and nothing native is printed."""

from collections import Counter
from pathlib import Path

import pytest

from tests.hurt.clips import write_codecs
from tests.hurt.mutate import MUTATIONS, mutants
from tests.hurt.running import Run
from tests.hurt.stores import check_tidy, statuses, videos
from vidcl.tracks.extraction.faults import TRANSIENT
from vidcl.tracks.store import open_store

#: Seconds that a damaged file may take to open, and a segment of it to extract.
BUDGETS = ("--probe-timeout", "20", "--video-timeout", "20", "--worker-memory", "2")
#: Bytes that no process of the job may use.
MOST_MEMORY = 3 * 2**30


def extract_damaged(
    files: list[tuple[str, bytes, str]], folder: Path, seconds: float, *options: str
) -> Path:
    """Extract damaged files and check what must hold of every such job; the store."""
    damaged, out = folder / "damaged", folder / "store"
    damaged.mkdir()
    for name, data, _ in files:
        (damaged / name).write_bytes(data)
    run = Run(folder / "run", [damaged], out, "--engine", "local", *BUDGETS, *options)
    ended = run.wait(seconds)
    assert ended.status == 0, ended.error
    ended.check_quiet()
    assert ended.memory < MOST_MEMORY
    rows = videos(out)
    assert rows.keys() == {name for name, _, _ in files}
    for name, _, mutation in files:
        row = rows[name]
        assert row["status"] in ("ok", "partial", "failed"), (name, mutation, row)
        assert row["error"] != "internal" and row["error"] not in TRANSIENT, (name, mutation, row)
        assert (row["status"] == "ok") == (row["error"] is None), (name, mutation, row)
        assert row["error"] is None or row["message"], (name, mutation, row)
    store = open_store(out)
    for row in rows.values():
        own = store.video_id == row["video_id"]
        assert own.sum() == row["tracks"] and store.lengths[own].sum() == row["crops"], row
    check_tidy(out)
    return out


def test_mutations_are_seeded_and_change_the_file():
    generator_files = [(f"{k}.mp4", bytes(range(256)) * 8 * (k + 1)) for k in range(3)]
    first = mutants(generator_files, 50, 7)
    assert first == mutants(generator_files, 50, 7) and first != mutants(generator_files, 50, 8)
    assert {mutation for _, _, mutation in first} == {m.__name__ for m in MUTATIONS}
    contents = dict(generator_files)
    same = [name for name, data, _ in first if data == contents[name.partition("-")[2]]]
    assert len(same) < 5 and len({name for name, _, _ in first}) == 50


def test_twenty_damaged_files(tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    write_codecs(clips)
    files = [(path.name, path.read_bytes()) for path in sorted(clips.iterdir())]
    out = extract_damaged(mutants(files, 20, 0), tmp_path, 240.0, "--workers", "1")
    assert len(Counter(status for status, _ in statuses(out).values())) > 1


@pytest.mark.full
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", range(5))
def test_many_damaged_files_of_our_own(seed, tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    write_codecs(clips)
    files = [(path.name, path.read_bytes()) for path in sorted(clips.iterdir())]
    extract_damaged(mutants(files, 100, 1000 + seed), tmp_path, 1200.0, "--workers", "2")


@pytest.mark.full
@pytest.mark.real_data
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", range(5))
def test_five_hundred_damaged_real_files(seed, real_data, tmp_path):
    """A hundred of every seed; whole files below 600 kB, of all codecs of the set."""
    folders = [real_data / "videos", real_data / "codec_matrix_blackswan"]
    suffixes = {".mp4", ".mkv", ".webm", ".avi", ".mov", ".ts", ".mpg", ".gif"}
    files = [
        (path.name, path.read_bytes())
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.suffix in suffixes and 64 <= path.stat().st_size < 600_000
    ]
    assert len(files) > 30
    out = extract_damaged(
        mutants(files, 100, seed), tmp_path, 1800.0, "--workers", "2", "--max-video-side", "160",
        "--follow.follow-rate", "4", "--follow.proposer", "frame",
    )  # fmt: skip
    found = statuses(out)
    print(Counter(found.values()))
    assert sum(status == "ok" for status, _ in found.values()) >= 5
