"""The driver: what it plans, does again, tells and survives. Its workers make up their tracks."""

import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tracks.test_extraction_plan import write_version_1
from vidcl.errors import VidclError
from vidcl.tracks.extraction import lock, probed, videos
from vidcl.tracks.extraction.counts import Counts
from vidcl.tracks.extraction.done import ShardLost
from vidcl.tracks.extraction.engine import open_engine
from vidcl.tracks.extraction.limits import Limits
from vidcl.tracks.extraction.outcome import Outcome, outcome_path, read_outcomes
from vidcl.tracks.extraction.plan_file import old_plan_path, plan_path, read_plan, write_plan
from vidcl.tracks.extraction.probed import PROBED
from vidcl.tracks.extraction.report import ExtractReport
from vidcl.tracks.extraction.run import run_work
from vidcl.tracks.extraction.segments import Segment
from vidcl.tracks.extraction.sources import VIDEO_SUFFIXES, Source
from vidcl.tracks.extraction.spool import SpoolConfig
from vidcl.tracks.extraction.videos import read_videos
from vidcl.tracks.extraction.work import Work
from vidcl.tracks.store import open_store
from vidcl.tracks.track import SCORES, Track
from vidcl.video.errors import VideoError

JPEG = bytes.fromhex("ffd8ffd9")


@dataclass
class Maker:
    """Makes one track per segment of a file that holds words, unless they name a fault."""

    made: list[str] = field(default_factory=list)

    def __call__(
        self, source: Source, path: Path, segment: Segment, outcome: Outcome
    ) -> Iterator[Track]:
        self.made.append(f"{source.name} {segment.index}")
        words = path.read_text()
        outcome.facts = {"width": 4, "height": 4, "codec": "words", "duration": 150.0}
        outcome.frames = 10
        if words.startswith("fault "):
            kind = words.split()[1]
            raise VideoError(f"{source.path}: {kind}.", kind)
        box = np.array([[0, 0, 4, 4]], np.float32)
        yield Track(
            kind="frame",
            proposer="frame",
            tracker="frame",
            shot=segment.index,
            times=np.array([segment.index], np.float32),
            boxes=box,
            crop_boxes=box,
            crops=[JPEG],
            sizes=np.array([[4, 4]], np.uint16),
            end_reason="end",
            scores={name: np.ones(1, np.float32) for name in SCORES},
        )


def spans(sources: tuple[Source, ...]) -> list[tuple[float, float] | None]:
    """Every file is 150 s long, but for those that say they do not know."""
    return [None if "unknown" in Path(s.path).read_text() else (0.0, 150.0) for s in sources]


def work(maker: Maker, **changes: Any) -> Work:
    made = Work(
        kind="video",
        suffixes=VIDEO_SUFFIXES,
        settings={"x": 1},
        metadata={"canvas": 16},
        backend="words 1",
        probe=spans,
        make_tracks=maker,
        segment_seconds=60.0,
        segments_per_shard=4,
        limits=Limits(isolate=False),
        spool=SpoolConfig(),
    )
    return replace(made, **changes)


def run(sources: list[Path], out: Path, **options: Any) -> tuple[ExtractReport, list[str]]:
    """The report, and the segments that were made."""
    maker = Maker()
    changes = options.pop("changes", {})
    defaults: dict[str, Any] = {"retry_failed": False, "update": False, "progress": None}
    engine = options.pop("engine", partial(open_engine, "local", 1, None))
    report = run_work(work(maker, **changes), sources, out, engine, **{**defaults, **options})
    return report, maker.made


@pytest.fixture
def folder(tmp_path) -> Path:
    """Twelve files of words."""
    root = tmp_path / "videos"
    root.mkdir()
    for k in range(12):
        (root / f"{k:02d}.mp4").write_text(f"words {k}")
    return root


def rows(store: Path) -> list[tuple[str, str]]:
    opened = open_store(store)
    return [(opened.track_id(row), str(opened.split[row])) for row in range(len(opened))]


def statuses(store: Path) -> dict[str, tuple[str, str | None]]:
    found = read_videos(store).to_pylist()
    return {Path(row["path"]).name: (row["status"], row["error"]) for row in found}


def files(store: Path) -> dict[str, bytes]:
    """Everything in a store but the lock and times of work."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and path.suffix in (".arrow",)
    }


# ---- planning ---------------------------------------------------------------------------------


def test_probing_that_is_stopped_goes_on_where_it_was(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(probed, "FILES_PER_JOB", 2)
    monkeypatch.setattr(probed, "CHUNK", 4)
    (folder / "05.mp4").write_text("unknown")
    asked: list[str] = []

    def ask(sources: tuple[Source, ...]) -> list[tuple[float, float] | None]:
        asked.extend(source.name for source in sources)
        return spans(sources)

    def stop(counts: Counts) -> None:
        if counts.probed == 8 and not counts.shards:
            raise KeyboardInterrupt

    whole, out = tmp_path / "whole", tmp_path / "out"
    run([folder], whole)
    with pytest.raises(KeyboardInterrupt):
        run([folder], out, changes={"probe": ask}, watch=stop)
    assert not plan_path(out).exists() and len(list((out / PROBED).glob("*.npy"))) == 2
    assert asked == [f"{k:02d}.mp4" for k in range(8)]
    asked.clear()
    os.utime(folder / "01.mp4", ns=(1, 1))  # it changed, so its answer does not count
    run([folder], out, changes={"probe": ask})
    assert asked == ["01.mp4", "05.mp4", "08.mp4", "09.mp4", "10.mp4", "11.mp4"]
    assert not (out / PROBED).exists()
    one, other = read_plan(whole), read_plan(out)
    assert one is not None and other is not None
    assert replace(other, videos=one.videos) == one  # but for the time of 01
    assert rows(out) == rows(whole)


def test_answers_that_were_damaged_are_asked_again(folder, tmp_path):
    out = tmp_path / "out"
    (out / PROBED).mkdir(parents=True)
    (out / PROBED / "000000.npy").write_bytes(b"no answers")
    np.save(out / PROBED / "000001.npy", np.arange(3))
    run([folder], out)
    assert rows(out)


def test_a_store_of_plan_version_1_is_resumed_and_extended(folder, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    run([folder], new)
    run([folder], old)
    plan = read_plan(old)
    assert plan is not None
    write_version_1(old, plan)
    plan_path(old).unlink()
    (old / "shards" / "shard-00001.arrow").unlink()
    report, made = run([folder], old)
    assert report.shards_done == 1 and len(made) == 4 and files(old) == files(new)
    assert old_plan_path(old).exists() and not plan_path(old).exists()  # nothing to write
    (folder / "99.mp4").write_text("more")
    run([folder], old)
    run([folder], new)
    assert files(old) == files(new) and read_plan(old) == read_plan(new)
    assert not old_plan_path(old).exists()


def test_an_emptied_shard_has_no_file(folder, tmp_path):
    out = tmp_path / "out"
    run([folder], out, changes={"segments_per_shard": 3})
    assert (out / "shards" / "shard-00002.arrow").exists()
    (folder / "02.mp4").write_text("other words")
    report, made = run([folder], out, changes={"segments_per_shard": 3}, update=True)
    assert made == [f"02.mp4 {k}" for k in range(3)] and report.shards_done == 1
    assert not list((out / "shards").glob("shard-00002.*"))
    assert len(set(rows(out))) == 36
    assert run([folder], out)[0].shards_done == 0


def test_a_merged_store_is_complete_and_grows(folder, tmp_path):
    out = tmp_path / "out"
    run([folder], out)
    plan = read_plan(out)
    assert plan is not None
    write_plan(out, plan.merged([3, 4])[0])
    report, made = run([folder], out)  # as if its files had gone: it is done again, whole
    assert len(made) == 4 and report.shards_done == 1  # the other four are copied
    (folder / "99.mp4").write_text("more")
    assert run([folder], out)[0].shards_done == 1
    assert len(set(rows(out))) == 39


# ---- faults -----------------------------------------------------------------------------------


def test_transient_faults_are_tried_again_by_the_same_command(folder, tmp_path):
    out = tmp_path / "out"
    for name, kind in (("02", "killed"), ("05", "corrupt"), ("07", "missing")):
        (folder / f"{name}.mp4").write_text(f"fault {kind}")
    report, _ = run([folder], out)
    assert report.failed == 3
    report, made = run([folder], out)
    assert made == [f"{name}.mp4 {k}" for name in ("02", "07") for k in range(3)]

    def mend(name: str) -> None:
        """The same size and time: the file is what was planned."""
        status = (folder / name).stat()
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("fault", "words"))
        os.utime(folder / name, ns=(status.st_atime_ns, status.st_mtime_ns))

    for name in ("02.mp4", "05.mp4", "07.mp4"):
        mend(name)
    (folder / "07.mp4").rename(tmp_path / "away.mp4")
    report, made = run([folder], out)
    assert made == [f"02.mp4 {k}" for k in range(3)]  # 07 is not there, 05 needs to be asked for
    (tmp_path / "away.mp4").rename(folder / "07.mp4")
    assert run([folder], out)[1] == [f"07.mp4 {k}" for k in range(3)]
    assert run([folder], out)[1] == []
    report, made = run([folder], out, retry_failed=True)
    assert made == [f"05.mp4 {k}" for k in range(3)] and report.failed == 0


def test_a_listed_file_that_was_missing_is_done_when_it_comes(folder, tmp_path):
    listing = tmp_path / "list.txt"
    listing.write_text("\n".join(f"videos/{k:02d}.mp4" for k in range(13)))
    out = tmp_path / "out"
    changes = {"probe": lambda sources: [(0.0, 60.0)] * len(sources)}
    run([listing], out, changes=changes)
    assert statuses(out)["12.mp4"][0] == "failed"
    (folder / "12.mp4").write_text("here")
    assert run([listing], out, changes=changes)[1] == ["12.mp4 0"]
    assert statuses(out)["12.mp4"] == ("ok", None)


@contextlib.contextmanager
def losing(numbers: set[int]) -> Iterator[Any]:
    """An engine whose workers do not survive some jobs."""

    def go(function: Any, jobs: Any) -> Iterator[Any]:
        for job in jobs:
            yield ShardLost(job.number, "node gone") if job.number in numbers else function(job)

    yield go


def test_a_lost_shard_ends_in_a_sentence_and_the_rest_is_there(folder, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "out"
    run([folder], whole)
    plain = {"probe": None}
    with pytest.raises(VidclError, match=r"2 of 3 shards .* not finished.*node gone.*run the same"):
        run([folder], out, engine=lambda: losing({0, 2}), changes=plain)
    assert [status for status, _ in statuses(out).values()].count("pending") == 8
    report, made = run([folder], out, changes=plain)
    assert report.shards_done == 2 and len(made) == 8


def test_a_lost_probe_ends_in_a_sentence(folder, tmp_path):
    with pytest.raises(VidclError, match=r"could not be probed.*node gone"):
        run([folder], tmp_path / "out", engine=lambda: losing({0}))
    assert not plan_path(tmp_path / "out").exists()


# ---- what is written --------------------------------------------------------------------------


def test_rows_of_many_files_come_in_row_groups(folder, tmp_path, monkeypatch):
    (folder / "03.mp4").write_text("fault corrupt")
    whole, out = tmp_path / "whole", tmp_path / "out"
    run([folder], whole)
    monkeypatch.setattr(videos, "ROWS", 5)
    run([folder], out)
    ignored = ["seconds"]
    assert read_videos(out).drop(ignored).equals(read_videos(whole).drop(ignored))
    assert read_videos(out)["path"].to_pylist() == [str(p) for p in sorted(folder.iterdir())]
    found = read_videos(out).to_pylist()
    assert [row["tracks"] for row in found] == [3] * 3 + [0] + [3] * 8
    assert found[3]["message"] == f"{folder / '03.mp4'}: corrupt."
    # one that is planned again stays at its place
    (folder / "03.mp4").write_text("better words")
    run([folder], out, update=True)
    assert [row["tracks"] for row in read_videos(out).to_pylist()] == [3] * 12


def test_what_the_decoder_said_is_in_the_table(folder, tmp_path):
    out = tmp_path / "out"
    run([folder], out)
    outcomes = read_outcomes(out, 1)
    assert outcomes is not None
    path = outcome_path(out, 1)
    path.write_text(path.read_text().replace('"native": null', '"native": "bad NAL"', 1))
    run([folder], out)
    said = [row["native"] for row in read_videos(out).to_pylist()]
    assert said == [None, "bad NAL"] + [None] * 10


def test_a_run_with_nothing_to_do_leaves_every_file_as_it_was(folder, tmp_path):
    out = tmp_path / "out"
    run([folder], out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*") if path.name != ".lock"}
    report, made = run([folder], out)
    assert made == [] and (report.shards_done, report.shards_skipped) == (0, 9)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert report.ending(out).startswith("0 shards extracted in ")


def test_a_full_disk_after_ctrl_c_does_not_hide_it(folder, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def stop(counts: Counts) -> None:
        if counts.shards_done == 2:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def full(path: Path) -> Iterator[Path]:
        raise OSError(errno.ENOSPC, "No space left on device")
        yield path

    monkeypatch.setattr(videos, "atomic_path", full)
    with pytest.raises(KeyboardInterrupt) as caught:
        run([folder], out, watch=stop)
    assert "No space left on device: make room" in caught.value.__notes__[0].replace(
        " (No space left on device)", " No space left on device"
    )
    with pytest.raises(VidclError, match=r"Cannot write .*videos\.parquet .*No space left"):
        run([folder], out)
    monkeypatch.undo()
    assert run([folder], out)[0].shards_done == 0  # nothing that was written is lost


SMALL_DISK = """
import resource, signal, sys
from functools import partial
from pathlib import Path
from tests.tracks.test_extraction_run import run
from vidcl.errors import VidclError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    run([Path(sys.argv[1])], Path(sys.argv[2]))
except VidclError as error:
    print(error)
    sys.exit(1)
"""


@pytest.mark.parametrize("room", [100, 3000])
def test_files_that_do_not_fit_are_one_sentence(room, folder, tmp_path):
    """A limit on the size of files stands for a disk that is full: at 100 bytes already the plan
    does not fit, at 3,000 a shard does not."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    run([folder], whole)
    command = [sys.executable, "-c", SMALL_DISK, str(folder), str(out), str(room)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 1 and done.stderr == ""
    assert done.stdout.startswith("Cannot write ") and "make room" in done.stdout
    run([folder], out)
    assert files(out) == files(whole)


def test_an_output_that_cannot_be_written_is_one_sentence(folder, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(VidclError, match=r"Cannot write to .*choose another --out"):
        run([folder], tmp_path / "file" / "store")


# ---- counts -----------------------------------------------------------------------------------


def test_counts_are_those_of_segments_and_videos(folder, tmp_path):
    (folder / "11.mp4").write_text("fault corrupt")
    seen: list[Counts] = []
    out = tmp_path / "out"
    run([folder], out, watch=lambda counts: seen.append(replace(counts)))
    probes = [counts for counts in seen if not counts.shards]
    assert (probes[0].probed, probes[-1].probed, probes[-1].to_probe) == (0, 12, 12)
    steps = [counts for counts in seen if counts.shards]
    assert [counts.shards_done for counts in steps] == list(range(10))
    # twelve videos of three segments, four segments in a shard
    assert [counts.videos_done for counts in steps] == [0, 1, 2, 4, 5, 6, 8, 9, 10, 12]
    assert [counts.segments_done for counts in steps] == list(range(0, 37, 4))
    last = steps[-1]
    assert (last.own_videos, last.own_segments, last.frames, last.failed) == (12, 36, 360, 3)
    # the second run finds all but one shard done
    (out / "shards" / "shard-00004.arrow").unlink()
    seen.clear()
    run([folder], out, watch=lambda counts: seen.append(replace(counts)))
    assert [counts.shards_done for counts in seen] == [8, 9]
    assert [counts.videos_done for counts in seen] == [10, 12]
    assert (seen[-1].own_videos, seen[-1].own_segments) == (2, 4)


# ---- the lock ---------------------------------------------------------------------------------


def test_a_second_run_is_refused_and_told_who_holds_the_store(folder, tmp_path):
    out = tmp_path / "out"
    with lock.locked(out), pytest.raises(VidclError, match=rf"at work on .*process {os.getpid()}"):
        run([folder], out)
    run([folder], out)


def test_a_file_system_without_locks_is_told(folder, tmp_path, monkeypatch):
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.warns(UserWarning, match="has no locks"):
        run([folder], tmp_path / "out")
    assert rows(tmp_path / "out")
