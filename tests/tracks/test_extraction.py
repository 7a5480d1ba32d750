"""Extraction from files to a store: engines agree, faults are rows, and a stopped run continues."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.crops import CropConfig
from vidcl.tracks.extraction import segment, shard
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.plan_file import read_plan, write_plan
from vidcl.tracks.extraction.run import ExtractReport, extract
from vidcl.tracks.extraction.videos import read_videos
from vidcl.tracks.store import open_store
from vidcl.tracks.store_writer import shard_path
from vidcl.video.frames import Frame
from vidcl.video.reader import VideoReader
from vidcl.video.writer import write_video

FOLLOW = FollowConfig(
    proposer="grid", tracker="static", follow_rate=None, keep_rate=5.0, max_regions=2
)
CONFIG = ExtractConfig(
    follow=FOLLOW,
    crop=CropConfig(canvas=16),
    engine="local",
    workers=1,
    segments_per_shard=2,
    isolate=False,  # test_isolation.py has the child processes
)


def pictures(seed: int, count: int = 20) -> np.ndarray:
    """A bright square over a fixed background, moving: uint8 [count, 48, 64, 3]."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 120, (6, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    frames = np.repeat(ground[None], count, 0)
    for k in range(count):
        frames[k, 10:30, 2 + k : 22 + k] = rng.integers(180, 255, (20, 20, 3))
    return frames


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for number in range(4):
        write_video(folder / f"clip{number}.mkv", pictures(number), rate=10)
    (folder / "words.mp4").write_text("these are only words\n" * 40)
    data = (folder / "clip0.mkv").read_bytes()
    (folder / "half.mkv").write_bytes(data[: len(data) // 2])
    return folder


@pytest.fixture(scope="module")
def whole(clips, tmp_path_factory) -> Path:
    """The store of all clips, made without interruption."""
    out = tmp_path_factory.mktemp("whole")
    extract([clips], out, CONFIG)
    return out


def contents(store: Path, *, parquet: bool = False) -> dict[str, str]:
    """Name -> hash of the shards (and of everything else but the lock)."""
    files = [*store.rglob("*")] if parquet else [*store.glob("shards/*.arrow")]
    return {
        str(file.relative_to(store)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file()
    }


def statuses(store: Path) -> dict[str, tuple[str, str | None]]:
    rows = read_videos(store).to_pylist()
    return {Path(row["path"]).name: (row["status"], row["error"]) for row in rows}


def test_every_file_has_its_row_and_the_good_ones_their_tracks(whole):
    rows = {Path(row["path"]).name: row for row in read_videos(whole).to_pylist()}
    assert len(rows) == 6
    assert {rows[f"clip{k}.mkv"]["status"] for k in range(4)} == {"ok"}
    assert rows["words.mp4"]["status"] == "failed" and rows["words.mp4"]["error"] == "not_video"
    half = rows["half.mkv"]
    assert half["status"] == "partial" and half["error"] == "truncated"
    assert 0 < half["frames"] < 20 and half["tracks"] > 0
    good = rows["clip1.mkv"]
    assert (good["width"], good["height"], good["codec"]) == (64, 48, "h264")
    store = open_store(whole)
    for row in rows.values():
        own = store.video_id == row["video_id"]
        assert own.sum() == row["tracks"] and store.lengths[own].sum() == row["crops"]
    assert store.metadata["canvas"] == 16 and store.metadata["backend"].startswith("pyav ")
    assert store.metadata["configuration"]["follow"]["proposer"] == "grid"


def test_frames_keep_their_times_and_boxes(whole):
    store = open_store(whole)
    frames = store.select(kind="frame")
    for row in frames:
        assert np.allclose(np.diff(store.times(row)), 0.2, atol=0.11)
        assert (store.boxes(row) == [0, 0, 64, 48]).all() and (store.sizes(row) == [64, 48]).all()
    assert len({store.track_id(row) for row in range(len(store))}) == len(store)


def test_the_last_third_of_few_videos_is_held_out(whole):
    store = open_store(whole)
    cut = 2.0 * 2 / 3
    for row in store.select(kind="frame"):
        if store.video[row].endswith("clip2.mkv"):
            late = store.times(row) >= cut - 0.01
            assert late.all() if store.split[row] == "test" else not late.any()
    assert {"train", "test"} == set(store.split)


def test_twice_changes_nothing(clips, whole):
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*.*") if path.name != ".lock"}
    report = extract([clips], whole, CONFIG)
    assert report.shards_done == 0 and report.shards_skipped == 6
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert report.failed == 1 and report.partial == 1 and report.internal == 0
    assert any("last third" in note for note in report.notes)
    assert any("had a fault" in note for note in report.notes)


def test_processes_and_ray_give_the_same_shards(clips, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))  # Ray leaves a token there
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    for engine in ("local", "ray"):
        config = CONFIG.model_copy(update={"engine": engine, "workers": 2, "isolate": True})
        seen: list[tuple[int, int]] = []
        out = tmp_path / engine
        extract([clips], out, config, progress=lambda *step, seen=seen: seen.append(step))
        assert contents(out) == contents(whole)
        assert seen == [(k, 6) for k in range(7)]
        assert statuses(out) == statuses(whole)


def test_new_videos_append_and_changed_ones_are_told(clips, tmp_path):
    folder, out = tmp_path / "videos", tmp_path / "store"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.mkv").write_bytes((clips / f"clip{number}.mkv").read_bytes())
    extract([folder], out, CONFIG)
    before = contents(out)
    (folder / "0.mkv").write_bytes((clips / "clip3.mkv").read_bytes())
    report = extract([folder], out, CONFIG)
    after = contents(out)
    assert report.videos == 3 and report.shards_done == 1 and len(after) == 3
    assert {name: after[name] for name in before} == before

    (folder / "1.mkv").write_bytes((clips / "clip0.mkv").read_bytes())
    report = extract([folder], out, CONFIG)
    assert report.shards_done == 0 and contents(out) == after
    assert any("1 file changed" in note and "--update" in note for note in report.notes)
    report = extract([folder], out, CONFIG, update=True)
    store = open_store(out)
    assert report.shards_done == 1 and not any("changed" in note for note in report.notes)
    assert len({store.track_id(row) for row in range(len(store))}) == len(store)
    assert contents(out)["shards/shard-00001.arrow"] == after["shards/shard-00001.arrow"]
    assert extract([folder], out, CONFIG).shards_done == 0


def test_retry_does_only_what_failed(clips, tmp_path, monkeypatch):
    folder, out = tmp_path / "videos", tmp_path / "store"
    folder.mkdir()
    for number in (0, 1):
        (folder / f"{number}.mkv").write_bytes((clips / f"clip{number}.mkv").read_bytes())
    fail = CONFIG.model_copy(update={"video_timeout": 1e-9, "segments_per_shard": 4})
    report = extract([folder], out, fail)
    assert report.partial == 2 and set(statuses(out).values()) == {("partial", "timeout")}
    patient = fail.model_copy(update={"video_timeout": 600.0})
    assert extract([folder], out, patient).shards_done == 0  # only on demand
    report = extract([folder], out, patient, retry_failed=True)
    assert report.shards_done == 1 and report.partial == report.failed == 0
    clean = tmp_path / "clean"
    extract([folder], clean, patient)
    assert contents(out) == contents(clean)

    # a good segment's rows are copied, not extracted again
    made: list[str] = []
    really = segment.VideoTracks.__call__

    def spy(self, source, path, piece, outcome):
        made.append(source.name)
        return really(self, source, path, piece, outcome)

    monkeypatch.setattr(segment.VideoTracks, "__call__", spy)
    path = shard.outcome_path(out, 0)
    path.write_text(path.read_text().replace('"error": null', '"error": "timeout"', 1))
    extract([folder], out, patient, retry_failed=True)
    assert made == ["0.mkv"] and contents(out) == contents(clean)


def test_a_surprise_in_one_video_costs_no_other(clips, tmp_path, monkeypatch):
    def surprise(config, source):
        if source.name == "clip1.mkv":
            raise ZeroDivisionError("a bug")

    monkeypatch.setattr(segment, "_given_boxes", surprise)
    report = extract([clips], tmp_path, CONFIG)
    assert report.internal == 1 and any("vidcl itself" in note for note in report.notes)
    rows = {Path(row["path"]).name: row for row in read_videos(tmp_path).to_pylist()}
    assert rows["clip1.mkv"]["error"] == "internal"
    assert "ZeroDivisionError: a bug" in rows["clip1.mkv"]["message"]
    assert rows["clip2.mkv"]["status"] == "ok"


def test_rows_kept_from_an_older_schema_get_their_changes(clips, tmp_path):
    from tests.tracks.test_store import write_version_1

    config = CONFIG.model_copy(update={"segments_per_shard": 4})
    sources = [clips / "clip0.mkv", clips / "clip1.mkv"]
    extract(sources, tmp_path, config)
    before, store = contents(tmp_path), open_store(tmp_path)
    rows = [store.read_row(row) for row in range(len(store))]
    assert all(row.changes[0] == 0 and row.changes[1:].any() for row in rows)
    path = shard_path(tmp_path, 0)
    write_version_1(path, rows)
    assert not open_store(tmp_path).has_changes
    outcomes = shard.outcome_path(tmp_path, 0)
    outcomes.write_text(outcomes.read_text().replace('"error": null', '"error": "timeout"', 1))
    extract(sources, tmp_path, config, retry_failed=True)
    assert contents(tmp_path) == before


def test_ctrl_c_leaves_finished_shards_and_the_same_command_continues(clips, whole, tmp_path):
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract([clips], tmp_path, CONFIG, progress=stop)
    assert len(contents(tmp_path)) == 2
    assert ("pending", None) in statuses(tmp_path).values()
    report = extract([clips], tmp_path, CONFIG)
    assert report.shards_skipped == 2
    assert contents(tmp_path) == contents(whole) and statuses(tmp_path) == statuses(whole)


KILLED = """
import os, signal, sys
from vidcl.tracks.extraction import rows
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.run import extract

calls = 0
def deadly(crops):
    global calls
    calls += 1
    if calls == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
    return look_change(crops)

look_change, rows.look_change = rows.look_change, deadly
extract([sys.argv[1]], sys.argv[2], ExtractConfig.model_validate_json(sys.argv[3]))
"""


def test_a_killed_run_continues_to_the_same_rows(clips, whole, tmp_path):
    arguments = [str(clips), str(tmp_path), CONFIG.model_dump_json(), "8"]
    run = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert run.returncode == -signal.SIGKILL
    assert list(tmp_path.glob("shards/.*.tmp"))  # it died in the middle of a shard
    assert 0 < len(contents(tmp_path)) < 6
    assert len(open_store(tmp_path)) > 0
    extract([clips], tmp_path, CONFIG)
    assert contents(tmp_path) == contents(whole)
    assert not list(tmp_path.glob("shards/.*.tmp"))


def test_a_shard_that_was_damaged_is_done_again_once_deleted(clips, whole, tmp_path):
    extract([clips], tmp_path, CONFIG)
    path = tmp_path / "shards" / "shard-00001.arrow"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(VidclError, match="delete it and run the same"):
        open_store(tmp_path)
    path.unlink()
    assert extract([clips], tmp_path, CONFIG).shards_done == 1
    assert contents(tmp_path) == contents(whole)


def test_what_would_mix_is_refused(clips, whole, tmp_path, monkeypatch):
    other = CONFIG.model_copy(update={"crop": CropConfig(canvas=32)})
    with pytest.raises(VidclError, match=r"crop\.canvas = 16, not 32"):
        extract([clips], whole, other)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(VidclError, match="is no track store"):
        extract([clips], tmp_path, CONFIG)
    assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == ["letter.txt"]


def test_another_decoder_version_does_not_finish_a_store(clips, tmp_path):
    extract([clips], tmp_path, CONFIG)
    plan = read_plan(tmp_path)
    assert plan is not None
    write_plan(tmp_path, replace(plan, backend="pyav 0.1"))
    extract([clips], tmp_path, CONFIG)  # nothing to do, nothing to mix
    (tmp_path / "shards" / "shard-00000.arrow").unlink()
    with pytest.raises(VidclError, match="may decode other frames"):
        extract([clips], tmp_path, CONFIG)


def test_wrong_input_is_one_sentence(clips, tmp_path):
    with pytest.raises(VidclError, match="does not exist"):
        extract([tmp_path / "gone"], tmp_path / "a", CONFIG)
    assert not (tmp_path / "a").exists()
    with pytest.raises(VidclError, match=r"No track came out of 1 video .* not a video"):
        extract([clips / "words.mp4"], tmp_path / "b", CONFIG)
    given = CONFIG.model_copy(update={"follow": FollowConfig(proposer="given", tracker="given")})
    with pytest.raises(VidclError, match="--given-dir"):
        extract([clips], tmp_path / "c", given)
    no_boxes = given.model_copy(update={"given_dir": tmp_path})
    with pytest.raises(VidclError, match="has no boxes"):
        extract([clips / "clip0.mkv"], tmp_path / "d", no_boxes)


def test_given_boxes_are_json_or_csv(clips, tmp_path):
    boxes = tmp_path / "boxes"
    boxes.mkdir()
    follow = FOLLOW.model_copy(update={"proposer": "given", "tracker": "given"})
    config = CONFIG.model_copy(update={"follow": follow, "given_dir": boxes})
    video = clips / "clip0.mkv"
    rows = [(k / 10, 2 + k, 10, 22 + k, 30) for k in range(20)]
    table = "".join(f"square,{','.join(map(str, row))}\n" for row in rows)
    (boxes / "clip0.csv").write_text("object,time,x0,y0,x1,y1\n" + table)
    extract([video], tmp_path / "csv", config)
    thing = {"id": "square", "times": [r[0] for r in rows], "boxes": [r[1:] for r in rows]}
    (boxes / "clip0.json").write_text(json.dumps({"objects": [thing]}))
    with pytest.raises(VidclError, match=r"boxes twice: leave one of clip0\.json and clip0\.csv"):
        extract([video], tmp_path / "both", config)
    (boxes / "clip0.csv").unlink()
    extract([video], tmp_path / "json", config)
    assert contents(tmp_path / "csv") == contents(tmp_path / "json")
    store = open_store(tmp_path / "csv")
    assert set(store.label[store.select(kind="region")]) == {"square"}


def test_a_cluster_that_is_not_there_is_said_at_once(clips, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = CONFIG.model_copy(update={"engine": "ray", "ray_address": address})
    with pytest.raises(VidclError, match=r"Cannot reach the Ray cluster .* --ray-address"):
        extract([clips], tmp_path, config)


def test_two_extractions_do_not_share_a_store(clips, tmp_path):
    def again(done: int, total: int) -> None:
        extract([clips], tmp_path, CONFIG)

    with pytest.raises(VidclError, match="Another extraction is at work"):
        extract([clips], tmp_path, CONFIG, progress=again)


def test_shrunk_frames_still_speak_of_source_pixels(clips, tmp_path):
    small = CONFIG.model_copy(update={"max_video_side": 32})
    extract([clips / "clip0.mkv"], tmp_path, small)
    store = open_store(tmp_path)
    for row in store.select(kind="frame"):
        assert (store.boxes(row) == [0, 0, 64, 48]).all() and (store.sizes(row) == [64, 48]).all()
    for row in store.select(kind="region"):
        widths = store.crop_boxes(row)[:, 2] - store.crop_boxes(row)[:, 0]
        assert (store.sizes(row)[:, 0] == widths).all()


def test_pieces_of_a_long_video_cover_it_once(tmp_path):
    write_video(tmp_path / "long.mkv", pictures(0, 40), rate=10)
    every = FOLLOW.model_copy(update={"keep_rate": None})
    config = CONFIG.model_copy(update={"segment_seconds": 1.0, "follow": every})
    extract([tmp_path / "long.mkv"], tmp_path / "cut", config)
    whole = config.model_copy(update={"segment_seconds": 60.0})
    extract([tmp_path / "long.mkv"], tmp_path / "whole", whole)
    times = []
    for name in ("cut", "whole"):
        store = open_store(tmp_path / name)
        rows = store.select(kind="frame")
        times.append(np.sort(np.concatenate([store.times(row) for row in rows])))
        assert len(set(store.column("shot")[rows])) == len(rows)
    assert len(times[0]) == 40 and np.array_equal(times[0], times[1])


def test_pieces_of_a_long_video_keep_the_frames_of_the_whole(tmp_path):
    write_video(tmp_path / "long.mkv", pictures(0, 40), rate=10)
    follow = FOLLOW.model_copy(update={"keep_rate": 2.5, "min_kept": 1})
    times = []
    for seconds in (0.9, 1.3, 60.0):  # cuts that lie between the ticks of the keep rate
        config = CONFIG.model_copy(update={"segment_seconds": seconds, "follow": follow})
        out = tmp_path / str(seconds)
        extract([tmp_path / "long.mkv"], out, config)
        store = open_store(out)
        rows = store.select(kind="frame")
        times.append(np.sort(np.concatenate([store.times(row) for row in rows])))
    assert np.allclose(times[2], np.arange(10) * 0.4)
    assert all(np.array_equal(some, times[2]) for some in times)


def test_frames_that_a_cheaper_plan_gives_early_are_kept_all_the_same(tmp_path, monkeypatch):
    write_video(tmp_path / "clip.mkv", pictures(0), rate=10)
    times = [0.0, 0.24, 0.51, 0.74, 1.0]
    asked = {}

    class Early(VideoReader):
        def frames(self, **request):
            asked.update(request)
            for picture, time in zip(pictures(0), times, strict=False):
                yield Frame(picture, time, False)

    monkeypatch.setattr(segment, "open_video", lambda path, **_: Early(path))
    follow = FollowConfig(proposer="frame", keep_rate=4.0)
    config = CONFIG.model_copy(update={"follow": follow, "segment_seconds": 60.0})
    sources = [tmp_path / "clip.mkv"]
    extract(sources, tmp_path / "store", config)
    store = open_store(tmp_path / "store")
    assert asked["tolerance"] == 0.5 / 4
    assert np.allclose(store.times(0), times)


@pytest.mark.real_data
def test_the_corrupt_clip_keeps_its_good_frames_and_its_error(real_data, tmp_path):
    report: ExtractReport = extract(
        [real_data / "videos" / "decord__corrupted.mp4"], tmp_path, CONFIG
    )
    assert report.partial == 1 and report.tracks > 0
    (row,) = read_videos(tmp_path).to_pylist()
    assert row["error"] == "corrupt" and row["frames"] > 20 and "stopped after" in row["message"]
    assert os.path.isabs(row["path"])
