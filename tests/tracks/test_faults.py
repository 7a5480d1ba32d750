"""What a decoder may do to its process costs its own segment, is told, and nothing else changes."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tracks.deadly import Deadly
from vidcl.errors import VidclError
from vidcl.tracks.extraction.faults import TRANSIENT
from vidcl.tracks.extraction.limits import Limits
from vidcl.tracks.extraction.outcome import Outcome, outcome_path, read_outcomes
from vidcl.tracks.extraction.segments import Segment
from vidcl.tracks.extraction.shard import ShardJob, extract_shard
from vidcl.tracks.extraction.sources import Source, list_sources
from vidcl.tracks.extraction.spool import SpoolConfig
from vidcl.tracks.store import open_store
from vidcl.tracks.store_writer import shard_path

LIMITS = Limits(segment_seconds=60.0, memory=2**29)


def make_job(folder: Path, *names: str, limits: Limits = LIMITS) -> ShardJob:
    """A shard of files that are named after deeds, one segment each."""
    (folder / "videos").mkdir(parents=True)
    for name in names:
        (folder / "videos" / f"{name}.mp4").write_text(name)
    sources = {source.name: source for source in list_sources([folder / "videos"])}
    pairs = []
    for name in names:
        source = sources[f"{name}.mp4"]
        pairs.append((Segment(name, 0, None, None, "train", source.stamp), source))
    return ShardJob(
        store=str(folder / "store"),
        number=0,
        segments=tuple(pairs),
        redo=frozenset(),
        make_tracks=Deadly(str(folder / "notes")),
        metadata={},
        limits=limits,
        spool=SpoolConfig(),
    )


def outcomes_of(job: ShardJob) -> dict[str, Outcome]:
    outcomes = read_outcomes(job.store, job.number)
    assert outcomes is not None
    return {outcome.video_id: outcome for outcome in outcomes.values()}


def rows_of(job: ShardJob) -> list[str]:
    store = open_store(job.store)
    return [store.track_id(row) for row in range(len(store))]


def tries(job: ShardJob) -> list[str]:
    lines = (Path(job.store).parent / "notes").read_text().splitlines()
    return [line.split(".")[0] for line in lines]


@pytest.mark.parametrize(
    ("deed", "kind", "words"),
    [
        ("segfault", "crash", "was ended by SIGSEGV; leave it out"),
        ("abort", "crash", "was ended by SIGABRT"),
        ("exit", "crash", "ended itself with status 7"),
        ("bad_alloc", "memory", "--worker-memory"),
    ],
)
def test_a_decoder_that_dies_loses_only_its_own_segment(tmp_path, deed, kind, words):
    job = make_job(tmp_path, "good", deed, "other")
    done = extract_shard(job)
    assert (done.segments, done.failed, done.frames) == (3, 1, 4)
    assert rows_of(job) == [f"{v}-0000-0000{k}" for v in ("good", "other") for k in (0, 1)]
    fault = outcomes_of(job)[deed]
    assert fault.error == kind and words in fault.message and fault.tracks == 0
    assert str(tmp_path / "videos" / f"{deed}.mp4") in fault.message
    assert fault.native is not None and fault.native.startswith(f"[h264] deed of {deed}")
    if kind == "crash":
        assert f"deed of {deed}" in fault.message
    assert kind not in TRANSIENT
    assert tries(job) == ["good", deed, "good", "other"]
    assert not list(Path(job.store).glob("shards/.*"))


def test_a_decoder_that_hangs_with_the_gil_is_killed(tmp_path):
    limits = replace(LIMITS, segment_seconds=0.2, grace=0.2)
    job = make_job(tmp_path, "hang", "good", limits=limits)
    assert extract_shard(job).failed == 1
    fault = outcomes_of(job)["hang"]
    assert fault.error == "timeout" and "killed, after 0.4 s" in fault.message
    assert fault.native == "[h264] deed of hang"
    assert len(rows_of(job)) == 2


def test_memory_is_guarded_and_the_process_goes_on(tmp_path):
    job = make_job(tmp_path, "greedy", "good")
    assert extract_shard(job).failed == 1
    fault = outcomes_of(job)["greedy"]
    assert fault.error == "memory" and "0.5 GiB" in fault.message
    assert tries(job) == ["greedy", "good"]


def test_a_process_killed_from_outside_is_tried_again(tmp_path):
    job = make_job(tmp_path, "good", "killed-once", "killed", "other")
    assert extract_shard(job).failed == 1
    outcomes = outcomes_of(job)
    assert outcomes["killed-once"].error is None and outcomes["killed-once"].tracks == 2
    assert outcomes["killed"].error == "killed" and "SIGKILL" in outcomes["killed"].message
    assert "killed" in TRANSIENT
    assert tries(job).count("killed-once") == 5 and tries(job).count("killed") == 3


@pytest.mark.parametrize("isolate", [True, False])
@pytest.mark.parametrize(("deed", "kind"), [("changed", "changed"), ("gone", "missing")])
def test_a_file_that_changes_while_it_is_read_keeps_nothing(tmp_path, deed, kind, isolate):
    job = make_job(tmp_path, "good", deed, limits=replace(LIMITS, isolate=isolate))
    assert extract_shard(job).failed == 1
    fault = outcomes_of(job)[deed]
    assert fault.error == kind in TRANSIENT and fault.tracks == 0 and fault.frames == 0
    assert {row[:4] for row in rows_of(job)} == {"good"}
    # it is not what was planned now, so the next attempt does not even begin with it
    extract_shard(job)
    assert tries(job) == ["good", deed, "good"]


def test_a_bug_is_one_segment_with_its_traceback(tmp_path):
    job = make_job(tmp_path, "bug", "good")
    extract_shard(job)
    fault = outcomes_of(job)["bug"]
    assert fault.error == "internal" and "ZeroDivisionError: a bug" in fault.message
    assert "deadly.py" in fault.message and fault.native == "[h264] deed of bug"


def test_messages_are_kept_where_something_was_wrong(tmp_path):
    job = make_job(tmp_path, "corrupt", "good")
    extract_shard(job)
    outcomes = outcomes_of(job)
    assert outcomes["corrupt"].error is None
    assert outcomes["corrupt"].native == "[h264] deed of corrupt"
    assert outcomes["good"].native is None


def test_outcomes_written_before_there_were_messages_are_read(tmp_path):
    job = make_job(tmp_path, "good")
    extract_shard(job)
    path = outcome_path(job.store, 0)
    assert path == shard_path(job.store, 0).with_suffix(".json")
    path.write_text(path.read_text().replace('"native": null, ', ""))
    assert "native" not in path.read_text() and outcomes_of(job)["good"].native is None


def test_rows_do_not_depend_on_isolation_or_on_faults_elsewhere(tmp_path):
    hashes = set()
    names = ["good", "segfault", "killed-once", "other"]
    for number, (isolate, deeds) in enumerate([(False, "plain"), (True, "plain"), (True, "real")]):
        folder = tmp_path / str(number)
        job = make_job(folder, *names, limits=replace(LIMITS, isolate=isolate))
        pairs = tuple(
            (segment, replace(source, path=f"/videos/{segment.video_id}", size=-1))
            for segment, source in job.segments
            if segment.video_id != "segfault" or deeds == "real"
        )
        if deeds == "plain":  # the second time it does nothing
            (folder / "notes").write_text("killed-once\nkilled-once\n")
        extract_shard(replace(job, segments=pairs))
        hashes.add(hashlib.sha256(shard_path(job.store, 0).read_bytes()).hexdigest())
    assert len(hashes) == 1


def test_a_store_that_cannot_be_written_is_the_users_to_mend(tmp_path):
    job = make_job(tmp_path, "good")
    Path(job.store).write_text("a file where the store should be")
    for isolate in (True, False):
        with pytest.raises(VidclError, match="Cannot write shard 0 of"):
            extract_shard(replace(job, limits=replace(LIMITS, isolate=isolate)))


def test_a_source_that_was_not_there_is_missing(tmp_path):
    job = make_job(tmp_path, "good")
    gone = Source("gone.mp4", str(tmp_path / "gone.mp4"), 5, 5)
    pairs = (*job.segments, (Segment("gone", 0, None, None, "train", gone.stamp), gone))
    extract_shard(replace(job, segments=pairs))
    fault = outcomes_of(job)["gone"]
    assert fault.error == "missing" and "no such file" in fault.message
