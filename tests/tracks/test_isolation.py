"""Isolated or not, the same rows; a quiet console, no process left over, no bomb goes off."""

import hashlib
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.test_guarded import is_alive, wait_for_end
from tests.tracks import test_extraction
from tests.tracks.test_extraction import contents, pictures, statuses
from tests.tracks.test_faults import make_job, outcomes_of, tries
from vidcl.errors import VidclError
from vidcl.tracks.extraction import probing
from vidcl.tracks.extraction.limits import Limits
from vidcl.tracks.extraction.local_engine import local_engine
from vidcl.tracks.extraction.outcome import read_outcomes
from vidcl.tracks.extraction.probing import probe_sources
from vidcl.tracks.extraction.run import extract
from vidcl.tracks.extraction.shard import extract_shard
from vidcl.tracks.extraction.sources import Source, list_sources
from vidcl.tracks.extraction.spool import SpoolConfig
from vidcl.tracks.images import ImagesConfig, pack_images
from vidcl.video.messages import LONGEST, clean_messages
from vidcl.video.writer import write_video

CONFIG = test_extraction.CONFIG.model_copy(update={"isolate": True})


@pytest.fixture(scope="module")
def damaged(tmp_path_factory) -> Path:
    """Whole files, one that is cut, and one with flipped bits."""
    folder = tmp_path_factory.mktemp("damaged")
    for number in range(3):
        write_video(folder / f"clip{number}.mkv", pictures(number), rate=10)
    data = bytearray((folder / "clip0.mkv").read_bytes())
    (folder / "half.mkv").write_bytes(data[: len(data) // 2])
    for place in np.random.default_rng(3).integers(len(data) // 3, len(data) - 400, 40):
        data[place] ^= 0x55
    (folder / "flips.mkv").write_bytes(data)
    (folder / "words.mp4").write_text("these are only words\n" * 40)
    return folder


def test_isolation_and_workers_do_not_change_a_row(damaged, tmp_path):
    stores = []
    for name, update in (
        ("here", {"isolate": False}),
        ("one", {}),
        ("three", {"workers": 3, "segments_per_shard": 2}),
    ):
        extract([damaged], tmp_path / name, CONFIG.model_copy(update=update))
        stores.append((contents(tmp_path / name), statuses(tmp_path / name)))
    assert stores[0] == stores[1] == stores[2]


def test_what_the_decoder_says_goes_to_the_record_and_not_to_the_console(damaged, tmp_path):
    command = [sys.executable, "-m", "vidcl.cli", "extract", str(damaged), "--out", "store"]
    options = ["--engine=local", "--workers=1", "--follow.proposer=frame"]
    run = subprocess.run(
        [*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    for text in (run.stdout, run.stderr):
        assert "0x" not in text and "[matroska" not in text and "[h264" not in text
    natives = {}
    for number in range(9):
        for outcome in (read_outcomes(tmp_path / "store", number) or {}).values():
            natives.setdefault(outcome.video_id, []).append(outcome)
    said = [o.native for outcomes in natives.values() for o in outcomes if o.native]
    assert said and all("0x" not in text for text in said)
    assert all(
        o.native is None
        for outcomes in natives.values()
        for o in outcomes
        if o.error is None and not o.corrupt_frames
    )


def test_messages_are_a_record_that_two_runs_agree_on():
    text = (
        "[h264 @ 0x55d0c0ffee00] error while decoding MB 1 2\n"
        "[h264 @ 0x55d0deadbeef] error while decoding MB 1 2\r\n"
        "    Last message repeated 3 times\n"
        "\x1b[31mred\x1b[0m at 0xABCDEF12\n\n"
    )
    assert clean_messages(text) == "[h264] error while decoding MB 1 2 (x2)\n[31mred[0m at"
    assert clean_messages(" \n\n") is None
    many = clean_messages("".join(f"line {k}\n" for k in range(5000)))
    assert many is not None and many.endswith("line 4999") and len(many) <= LONGEST


def test_probing_survives_what_extraction_does(tmp_path, monkeypatch):
    monkeypatch.setattr(probing, "_WORK", "tests.tracks.deadly:probe_by_name")
    names = ["good", "hang", "segfault", "other", "killed", "killed-once"]
    sources = tuple(Source(name, str(tmp_path / f"{name}.mp4"), -1, 0) for name in names)
    spans = probe_sources(sources, Limits(probe_seconds=0.3, memory=2**29), SpoolConfig())
    assert spans == [(0.0, 4.0), None, None, (0.0, 5.0), None, (0.0, 11.0)]


def test_probing_isolated_or_not_gives_the_same_spans(damaged):
    sources = tuple(list_sources([damaged]))
    spans = [
        probe_sources(sources, Limits(isolate=isolate), SpoolConfig()) for isolate in (True, False)
    ]
    assert spans[0] == spans[1]
    assert spans[0].count(None) == 1 and (0.0, 2.0) in spans[0]


ENGINE = """
import sys
from pathlib import Path
from tests.tracks.test_faults import make_job
from vidcl.tracks.extraction.local_engine import local_engine
from vidcl.tracks.extraction.shard import extract_shard

jobs = [make_job(Path(sys.argv[1]) / str(k), "hang") for k in range(6)]
try:
    with local_engine(int(sys.argv[2])) as run:
        for _ in run(extract_shard, jobs):
            pass
except KeyboardInterrupt:
    sys.exit(130)
"""


def children(folder: Path, count: int) -> list[int]:
    """The processes that the makers of tracks noted, once there are so many."""
    for _ in range(6000):
        texts = [path.read_text() for path in folder.glob("**/notes")]
        notes = [line.split() for text in texts for line in text.splitlines()]
        if len(notes) >= count:
            return [int(words[1]) for words in notes]
        time.sleep(0.01)
    raise AssertionError("the jobs have not begun")


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_no_process(tmp_path, workers, number):
    with subprocess.Popen([sys.executable, "-c", ENGINE, str(tmp_path), str(workers)]) as run:
        pids = children(tmp_path, workers)
        assert all(map(is_alive, pids))
        run.send_signal(number)
        assert run.wait(60) == (130 if number == signal.SIGINT else -number)
        assert all(map(wait_for_end, pids))
    assert len(children(tmp_path, workers)) == workers  # it began nothing further


@pytest.mark.parametrize("workers", [1, 3])
def test_the_engine_gives_every_result_and_raises_what_a_job_raises(tmp_path, workers):
    jobs = [make_job(tmp_path / str(k), "good", "bug") for k in range(5)]
    taken = []

    def count(jobs):
        for job in jobs:
            taken.append(job)
            yield job

    with local_engine(workers) as run:
        results = []
        for done in run(extract_shard, count(jobs)):
            results.append(done)
            assert len(taken) - len(results) < 2 * workers  # no more than that in flight
    assert len(results) == 5 and all(done.failed == 1 for done in results)
    bad = make_job(tmp_path / "bad", "good")
    Path(bad.store).write_text("in the way")
    with pytest.raises(VidclError, match="Cannot write"), local_engine(workers) as run:
        list(run(extract_shard, [bad, bad]))


def test_a_child_that_somebody_kills_does_not_show_in_the_rows(tmp_path):
    names = [f"good{k}" for k in range(60)]
    calm, rough = (make_job(tmp_path / folder, *names) for folder in ("calm", "rough"))
    rough = replace(rough, segments=calm.segments)
    extract_shard(calm)
    victims: list[int] = []

    def kill(moments: list[int]) -> None:
        for moment in moments:
            pid = children(tmp_path / "rough", moment)[-1]
            os.kill(pid, signal.SIGKILL)
            victims.append(pid)

    # each time the shard is begun anew
    moments = np.cumsum(np.random.default_rng(0).integers(1, 40, 2)).tolist()
    killer = threading.Thread(target=kill, args=(moments,))
    killer.start()
    extract_shard(rough)
    killer.join()
    assert len(set(victims)) == 2 and len(tries(rough)) > 60
    assert all(outcome.error is None for outcome in outcomes_of(rough).values())
    shards = [Path(job.store) / "shards" / "shard-00000.arrow" for job in (calm, rough)]
    assert hash_of(shards[0]) == hash_of(shards[1])


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sparse_y4m(path: Path, width: int, height: int, frames: int) -> Path:
    """Raw video that says what it likes of its size; on the disk it is next to nothing."""
    with open(path, "wb") as file:
        file.write(b"YUV4MPEG2 W%d H%d F25:1 C420jpeg\n" % (width, height))
        for _ in range(frames):
            file.write(b"FRAME\n")
            file.seek(width * height * 3 // 2, os.SEEK_CUR)
        file.truncate()
    return path


def gif(width: int, height: int) -> bytes:
    """A picture of some hundred bytes, whatever it says of its size."""
    return (
        b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0\0\0\0\xff\xff\xff"
        b"," + struct.pack("<HHHH", 0, 0, width, height) + b"\0\x02\x16"
        b"\x8c-\x99\x87*\x1c\xdc3\xa0\x02u\xec\x95\xfa\xa8\xde`\x8c\x04\x91L\x01\0;"
    )


def test_bombs_do_not_go_off(damaged, tmp_path):
    """Pictures declared beyond the limit are refused; those within it meet the memory guard."""
    folder = tmp_path / "bombs"
    folder.mkdir()
    sparse_y4m(folder / "huge.y4m", 10_000, 9_000, 2)
    sparse_y4m(folder / "huger.y4m", 30_000, 30_000, 2)
    sparse_y4m(folder / "large.y4m", 8000, 8000, 3)
    sparse_y4m(folder / "long.y4m", 7680, 4320, 40)
    (folder / "huge.gif").write_bytes(gif(65_535, 65_535))
    (folder / "wide.gif").write_bytes(gif(60_000, 2))
    (folder / "good.mkv").write_bytes((damaged / "clip0.mkv").read_bytes())
    limits = {"worker_memory": 0.1, "video_timeout": 3.0, "probe_timeout": 20.0}
    config = CONFIG.model_copy(update={**limits, "segments_per_shard": 1})
    extract([folder], tmp_path / "store", config)
    found = statuses(tmp_path / "store")
    assert found["good.mkv"] == ("ok", None)
    for name in ("huge.y4m", "huge.gif", "wide.gif"):
        assert found[name] == ("failed", "too_large")
    assert found["huger.y4m"] == ("failed", "not_video")  # FFmpeg itself does not believe it
    assert found["large.y4m"] == ("partial", "memory")
    assert found["long.y4m"] == ("partial", "memory")


def test_a_header_that_claims_ten_hours_costs_no_more_than_its_frames(damaged, tmp_path):
    data = bytearray((damaged / "clip0.mkv").read_bytes())
    place = data.index(b"\x44\x89\x88") + 3  # the duration of a Matroska file, a double
    data[place : place + 8] = struct.pack(">d", 36_000_000.0)
    assert b"00:00:02.000" in data  # and that of its stream
    data = data.replace(b"00:00:02.000", b"10:00:00.000")
    (tmp_path / "long.mkv").write_bytes(data)
    config = CONFIG.model_copy(update={"segment_seconds": 3000.0, "segments_per_shard": 20})
    report = extract([tmp_path / "long.mkv"], tmp_path / "store", config)
    assert report.partial == 1 and statuses(tmp_path / "store")["long.mkv"][1] == "truncated"


def test_a_picture_that_claims_too_much_is_one_row(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "bomb.png").write_bytes(gif(60_000, 60_000))
    Image.fromarray(pictures(0)[0]).save(folder / "good.png")
    pack_images(folder, tmp_path / "store", ImagesConfig(workers=2))
    assert statuses(tmp_path / "store") == {
        "good.png": ("ok", None),
        "bomb.png": ("failed", "not_image"),
    }
