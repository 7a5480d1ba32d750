"""Compaction: the same rows in the same order, whatever interrupts it and whoever reads then."""

import hashlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from tests.tracks.test_extraction import CONFIG, pictures
from tests.tracks.test_store import METADATA, assert_same, make_row, write_version_1
from vidcl.cli import main
from vidcl.errors import VidclError
from vidcl.tracks import store_writer
from vidcl.tracks.compaction import join, run
from vidcl.tracks.compaction.run import CompactReport, compact
from vidcl.tracks.compaction.settle import settle
from vidcl.tracks.extraction.change import look_change
from vidcl.tracks.extraction.lock import locked
from vidcl.tracks.extraction.outcome import Outcome, outcome_path, read_outcomes
from vidcl.tracks.extraction.plan import SEGMENT_TYPE, VIDEO_SCHEMA, Plan
from vidcl.tracks.extraction.plan_file import read_plan, write_plan
from vidcl.tracks.extraction.run import extract
from vidcl.tracks.extraction.videos import read_videos
from vidcl.tracks.store import TrackStore, open_store
from vidcl.tracks.store_merge import record_path
from vidcl.tracks.store_schema import TrackRow
from vidcl.tracks.store_writer import shard_path, write_shard
from vidcl.video.writer import write_video

#: Rows of each planned shard; None is not extracted yet.
ROWS = (4, 5, 0, 6, 3, None, 4, 4, 12, 1)

#: The same in small: two merges, and a shard between that is not extracted yet.
FEW = (2, 1, 0, None, 2, 1)

#: Fits the rows of about ten tracks.
TARGET = 3600


def make_store(folder: Path, rows: tuple[int | None, ...] = ROWS) -> list[TrackRow]:
    """A store of one video per shard with two segments each; the rows that are extracted."""
    rng = np.random.default_rng(1)
    count = len(rows)
    videos = pa.table(
        [
            [f"video{k:03d}" for k in range(count)],
            [f"{k}.mp4" for k in range(count)],
            [f"/videos/{k}.mp4" for k in range(count)],
            [1000 + k for k in range(count)],
            list(range(count)),
        ],
        schema=VIDEO_SCHEMA,
    )
    segments = np.zeros(2 * count, SEGMENT_TYPE)
    segments["shard"] = segments["video"] = np.repeat(np.arange(count), 2)
    segments["index"] = np.tile([0, 1], count)
    segments["start"], segments["end"] = np.tile([np.nan, 30], count), np.tile([30, np.nan], count)
    plan = replace(
        Plan.empty("video", {"canvas": 8}, "pyav 1"),
        videos=videos, segments=segments, shard_count=count,
    )  # fmt: skip
    (folder / "shards").mkdir(parents=True)
    write_plan(folder, plan)
    made: list[TrackRow] = []
    for number, size in enumerate(rows):
        if size is None:
            continue
        own = [make_row(rng, f"video{number:03d}-0000-{k:05d}") for k in range(size)]
        write_shard(shard_path(folder, number), own, METADATA)
        faults = ("timeout", "too slow") if number % 3 == 0 else (None, None)
        outcomes = [
            Outcome(key, f"video{number:03d}", frames=7, tracks=size, error=error, message=message)
            for key, error, message in zip(
                plan.keys(number), (None, faults[0]), (None, faults[1]), strict=True
            )
        ]
        text = json.dumps({"segments": [asdict(outcome) for outcome in outcomes]})
        outcome_path(folder, number).write_text(text)
        made += own
    return made


def assert_rows(store: TrackStore, rows: list[TrackRow]) -> None:
    assert store.column("track_id").tolist() == [row.track_id for row in rows]
    for number, row in enumerate(rows):
        assert_same(store.read_row(number), row)


def outcomes_of(folder: Path) -> dict[str, Outcome]:
    """Outcomes of all committed shards by key; each shard's are those of its plan."""
    plan = read_plan(folder)
    found: dict[str, Outcome] = {}
    for number in map(int, plan.live_shards):
        outcomes = read_outcomes(folder, number)
        if outcomes is not None:
            assert list(outcomes) == plan.keys(number)
            assert not found.keys() & outcomes.keys()
            found |= outcomes
    return found


def files_of(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", "merge.json")
    }


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch):
    monkeypatch.setattr(store_writer, "BATCH_BYTES", 700)
    monkeypatch.setattr(store_writer, "JOINED_BYTES", 1500)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # no power fails here
    monkeypatch.setattr(run, "SPARE", 0)


def test_rows_and_outcomes_stay_and_files_get_fewer(tmp_path):
    rows = make_store(tmp_path)
    before = outcomes_of(tmp_path)
    old_plan = read_plan(tmp_path)
    planned = compact(tmp_path, target=TARGET, dry_run=True)
    assert len(list(tmp_path.glob("shards/*.arrow"))) == 9
    seen: list[tuple[int, int]] = []
    report = compact(tmp_path, target=TARGET, progress=lambda *step: seen.append(step))
    assert replace(report, seconds=0) == replace(planned, seconds=0)
    assert_rows(open_store(tmp_path), rows)
    assert outcomes_of(tmp_path) == before and list(outcomes_of(tmp_path)) == list(before)
    names = sorted(path.name for path in tmp_path.glob("shards/*.arrow"))
    assert report.before == 9 and report.after == len(names) < 6 and report.pending == 1
    assert seen[0] == (0, report.merged) and seen[-1] == (report.merged, report.merged)
    # only neighbours were merged, in place: the pending shard still lies between
    assert "shard-00000.arrow" in names and "shard-00006.arrow" in names
    plan = read_plan(tmp_path)
    assert plan.shard_count == old_plan.shard_count
    assert [plan.keys(int(k)) for k in plan.live_shards if k == 5] == [old_plan.keys(5)]
    ordered = [key for k in plan.live_shards for key in plan.keys(int(k))]
    assert ordered == [key for k in range(len(ROWS)) for key in old_plan.keys(k)]
    assert not [p.name for p in tmp_path.glob("shards/.*")]


def test_a_merged_shard_is_what_one_write_would_make(tmp_path, monkeypatch):
    rows = make_store(tmp_path / "a", (4, 5, 0, 6, 3))
    monkeypatch.setattr(store_writer, "BATCH_BYTES", 1500)
    compact(tmp_path / "a", target=10**9)
    write_shard(shard_path(tmp_path / "b", 0), rows, METADATA)
    (merged,) = (tmp_path / "a" / "shards").glob("*.arrow")
    assert merged.read_bytes() == shard_path(tmp_path / "b", 0).read_bytes()
    assert len(open_store(tmp_path / "a").blocks) > 3


def test_again_does_nothing(tmp_path):
    make_store(tmp_path)
    compact(tmp_path, target=TARGET)
    before = files_of(tmp_path)
    report = compact(tmp_path, target=TARGET)
    assert report.merged == 0 and report.before == report.after
    assert files_of(tmp_path) == before
    # and a larger target goes on from there
    assert compact(tmp_path, target=10**9).after == 2


def test_shards_of_an_older_schema_are_lifted(tmp_path):
    rows = make_store(tmp_path, (3, 4, 5))
    write_version_1(shard_path(tmp_path, 1), rows[3:7])
    with pytest.raises(VidclError, match=r"shard-00001\.arrow is of an older .* does not decode"):
        compact(tmp_path, target=10**9)
    rng = np.random.default_rng(0)
    for row in rows[3:7]:
        pictures = rng.integers(0, 256, (len(row.track), 16, 16), dtype=np.uint8)
        row.track.crops = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures]
    write_version_1(shard_path(tmp_path, 1), rows[3:7])
    compact(tmp_path, target=10**9)
    store = open_store(tmp_path)
    assert store.has_changes and len(store.shards) == 1
    for number, row in enumerate(rows):
        if 3 <= number < 7:
            look = look_change(row.track.crops)
            row = replace(row, change=np.float32(look.overall).item(), changes=look.steps)
        assert_same(store.read_row(number), row)


def test_other_settings_end_a_run(tmp_path):
    rows = make_store(tmp_path, (3, 4, 5, 2))
    write_shard(shard_path(tmp_path, 2), rows[7:12], {**METADATA, "follow_rate": 6.0})
    write_shard(shard_path(tmp_path, 1), rows[3:7], {**METADATA, "vidcl": "0.0.1"})
    report = compact(tmp_path, target=10**9)
    assert report.merged == 2 and report.after == 3
    assert_rows(open_store(tmp_path), rows)


class Killed(BaseException):
    """What happens at the chosen step; a dead process does nothing afterwards."""


@contextmanager
def watched(monkeypatch, step: Callable[[int], None]) -> Iterator[None]:
    """Call ``step(n)`` before the n-th thing that changes the disk."""
    count = 0

    def wrap(function):
        def called(*arguments, **named):
            nonlocal count
            step(count)
            count += 1
            return function(*arguments, **named)

        return called

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink", "fsync", "chmod"):
            patch.setattr(os, name, wrap(getattr(os, name)))
        patch.setattr(join, "_joined", wrap(join._joined))
        yield


def steps_of(monkeypatch, folder: Path) -> int:
    count = 0

    def step(number: int) -> None:
        nonlocal count
        count = number + 1

    with watched(monkeypatch, step):
        compact(folder, target=TARGET)
    return count


def test_killed_at_every_step(tmp_path, monkeypatch):
    first = tmp_path / "first"
    rows = make_store(first, FEW)
    outcomes = outcomes_of(first)
    whole = shutil.copytree(first, tmp_path / "whole")
    steps = steps_of(monkeypatch, whole)
    assert steps > 40
    for at in range(steps):
        folder = shutil.copytree(first, tmp_path / "killed")

        def die(number: int, at: int = at) -> None:
            if number >= at:
                raise Killed

        with watched(monkeypatch, die), pytest.raises(Killed):
            compact(folder, target=TARGET)
        assert_rows(open_store(folder), rows)
        with locked(folder):  # as the next extraction begins
            settle(folder)
            assert not settle(folder)
            assert outcomes_of(folder) == outcomes
        assert_rows(open_store(folder), rows)
        # the next compaction ends where an undisturbed one does
        compact(folder, target=TARGET)
        assert files_of(folder) == files_of(whole)
        assert_rows(open_store(folder), rows)
        shutil.rmtree(folder)


def test_a_reader_at_any_moment_sees_every_row_once(tmp_path, monkeypatch):
    rows = make_store(tmp_path, FEW)
    ids = [row.track_id for row in rows]
    unopened: list[TrackStore] = []
    pickled: list[bytes] = []
    opened: list[TrackStore] = []
    told = 0

    def read(number: int) -> None:
        nonlocal told
        for store in (open_store(tmp_path), unopened.pop() if unopened else None):
            if store is not None:
                assert store.column("track_id").tolist() == ids
                opened.append(store)
        unopened.append(TrackStore(tmp_path))
        pickled.append(pickle.dumps(unopened[-1]))
        for data in pickled:
            copy = pickle.loads(data)
            try:
                found = copy.column("track_id").tolist()
            except VidclError as error:
                assert "open it again" in str(error)
                told += 1
            else:
                assert found == ids

    with watched(monkeypatch, read):
        compact(tmp_path, target=TARGET)
    assert told > 100 and len(opened) > 80
    for store in opened[::10]:  # open maps stay as they were
        assert_rows(store, rows)
    with pytest.raises(VidclError, match=r"compacted since .* open it again"):
        len(pickle.loads(pickled[0]))


def test_a_folder_listed_while_files_go_is_listed_again(tmp_path, monkeypatch):
    rows = make_store(tmp_path)
    really = os.listdir
    busy = False

    def slow(path):
        nonlocal busy
        names = really(path)
        if not busy and Path(path).name == "shards":
            busy = True  # the compaction runs to its end between two names of the listing
            compact(tmp_path, target=TARGET)
            names = sorted({*names[:3], *(set(names) & set(really(path)))})
        return names

    monkeypatch.setattr(os, "listdir", slow)
    store = open_store(tmp_path)
    assert busy
    assert_rows(store, rows)


KILL = """
import os, signal, sys
from vidcl.tracks import store_writer
from vidcl.tracks.compaction import run

store_writer.JOINED_BYTES, run.SPARE = 1500, 0
count = 0
def deadly(*arguments, really=os.replace):
    global count
    count += 1
    if count == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return really(*arguments)

os.replace = deadly
run.compact(sys.argv[1], target=int(sys.argv[3]))
"""


@pytest.mark.parametrize("at", [1, 3, 5])
def test_kill_nine(tmp_path, at):
    rows = make_store(tmp_path)
    words = [sys.executable, "-c", KILL, str(tmp_path), str(at), str(TARGET)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    assert list(tmp_path.glob("shards/.*"))
    assert_rows(open_store(tmp_path), rows)
    compact(tmp_path, target=TARGET)
    assert_rows(open_store(tmp_path), rows)
    assert not list(tmp_path.glob("shards/.*"))


def test_no_room_is_said_before_anything_changes(tmp_path, monkeypatch):
    rows = make_store(tmp_path)
    before = files_of(tmp_path)
    monkeypatch.setattr(run, "SPARE", 2**60)
    with pytest.raises(VidclError, match="make room"):
        compact(tmp_path, target=TARGET)
    monkeypatch.setattr(run, "SPARE", 0)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(join, "_joined", full)
    with pytest.raises(VidclError, match=r"No space left .* no row is lost"):
        compact(tmp_path, target=TARGET)
    assert files_of(tmp_path) == before
    assert_rows(open_store(tmp_path), rows)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for number in range(4):
        write_video(folder / f"clip{number}.mkv", pictures(number), rate=10)
    return folder


def extracted_ids(folder: Path) -> list[str]:
    return open_store(folder).column("track_id").tolist()


def without_seconds(folder: Path) -> list[dict]:
    return [{**row, "seconds": None} for row in read_videos(folder).to_pylist()]


def test_extraction_goes_on_after_a_compaction(clips, tmp_path):
    config = CONFIG.model_copy(update={"segments_per_shard": 1, "isolate": False})
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    first = [clips / "clip0.mkv", clips / "clip1.mkv", clips / "clip2.mkv"]
    for out in (plain, packed):
        extract(first, out, config)
    assert compact(packed).after == 1
    videos = (packed / "videos.parquet").read_bytes()
    # nothing is missing, and nothing is done
    report = extract(first, packed, config)
    assert report.shards_done == 0 and (packed / "videos.parquet").read_bytes() == videos
    # new files come behind
    for out in (plain, packed):
        report = extract([clips], out, config)
        assert report.shards_done == 2
    assert len(open_store(packed).shards) == 3
    assert extracted_ids(packed) == extracted_ids(plain)
    assert without_seconds(packed) == without_seconds(plain)
    assert compact(packed).after == 1
    rows = [open_store(plain).read_row(row) for row in range(len(open_store(plain)))]
    assert_rows(open_store(packed), rows)


def test_retry_and_update_after_a_compaction(clips, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for number in range(3):
        shutil.copy(clips / f"clip{number}.mkv", folder / f"{number}.mkv")
    config = CONFIG.model_copy(update={"segments_per_shard": 1, "isolate": False})
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    for out in (plain, packed):
        extract([folder], out, config)
    compact(packed)
    # a fault is done again, in the merged shard, and everything else copied
    for out, number in ((plain, 1), (packed, 0)):
        path = outcome_path(out, number)
        data = json.loads(path.read_text())
        data["segments"][0 if out == plain else 1] |= {"error": "timeout", "message": "too slow"}
        path.write_text(json.dumps(data))
    for out in (plain, packed):
        assert extract([folder], out, config).shards_done == 0
        assert extract([folder], out, config, retry_failed=True).shards_done == 1
    assert extracted_ids(packed) == extracted_ids(plain)
    # a changed file leaves the merged shard
    shutil.copy(clips / "clip3.mkv", folder / "1.mkv")
    for out in (plain, packed):
        extract([folder], out, config, update=True)
    assert extracted_ids(packed) == extracted_ids(plain)
    assert without_seconds(packed) == without_seconds(plain)
    compact(packed)
    assert extracted_ids(packed) == extracted_ids(plain)


def test_an_interrupted_merge_is_finished_by_the_next_extraction(clips, tmp_path, monkeypatch):
    config = CONFIG.model_copy(update={"segments_per_shard": 1, "isolate": False})
    extract([clips], tmp_path, config)
    ids = extracted_ids(tmp_path)

    def killed(*arguments):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(run, "settle_files", killed)
        patch.setattr(run, "settle", lambda store: False)
        with pytest.raises(Killed):
            compact(tmp_path)
    assert list(tmp_path.glob("shards/.*.merged")) and extracted_ids(tmp_path) == ids
    assert extract([clips], tmp_path, config).shards_done == 0
    assert extracted_ids(tmp_path) == ids
    assert len(list(tmp_path.glob("shards/*.arrow"))) == 1
    assert not list(tmp_path.glob("shards/.*.merged"))


def test_wrong_input_is_one_sentence(tmp_path):
    with pytest.raises(VidclError, match="no track store"):
        compact(tmp_path / "nowhere")
    make_store(tmp_path / "store")
    with locked(tmp_path / "store"), pytest.raises(VidclError, match="at work"):
        compact(tmp_path / "store")
    with pytest.raises(VidclError, match="above 0"):
        compact(tmp_path / "store", target=0)
    (tmp_path / "store" / "plan.parquet").unlink()
    with pytest.raises(VidclError, match="no plan"):
        compact(tmp_path / "store")
    make_store(tmp_path / "damaged")
    record_path(tmp_path / "damaged").write_text("{")
    with pytest.raises(VidclError, match=r"merge\.json cannot be read"):
        open_store(tmp_path / "damaged")


def test_a_damaged_shard_is_named_and_nothing_changes(tmp_path):
    rows = make_store(tmp_path)
    path = shard_path(tmp_path, 3)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    before = files_of(tmp_path)
    with pytest.raises(VidclError, match=r"shard-00003\.arrow is damaged"):
        compact(tmp_path, target=TARGET)
    assert files_of(tmp_path) == before
    path.write_bytes(whole)
    assert_rows(open_store(tmp_path), rows)


def test_the_command_says_what_it_did(tmp_path, capsys):
    make_store(tmp_path)
    store = str(tmp_path)
    assert main(["compact", store, "--target-mib", "100", "--dry-run"]) == 0
    assert "9 shards would become 2; 9 of them with 39 tracks" in capsys.readouterr().out
    assert main(["compact", store]) == 0
    shown = capsys.readouterr().out
    assert "9 shards -> 2" in shown and "1 planned shards are not extracted" in shown
    assert main(["compact", store]) == 0
    assert "2 shards, none to merge" in capsys.readouterr().out


def test_the_report_counts_what_was_merged(tmp_path):
    make_store(tmp_path, (3, 4, 5))
    size = sum(path.stat().st_size for path in tmp_path.glob("shards/*.arrow"))
    report = compact(tmp_path)
    assert report == CompactReport(3, 1, 3, 0, 12, size, report.seconds)
