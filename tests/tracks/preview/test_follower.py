"""What is shown is what is stored: the preview against the store of an extraction."""

import json

import numpy as np
import pytest

from tests.tracks.clips import square_clip
from vidcl.errors import VidclError
from vidcl.tracks.boxes import iou
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.crops import CropConfig
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.extend import extend_plan
from vidcl.tracks.extraction.plan import Plan
from vidcl.tracks.extraction.plan_file import read_plan
from vidcl.tracks.extraction.probing import probe_path
from vidcl.tracks.extraction.run import extract
from vidcl.tracks.extraction.sources import list_sources
from vidcl.tracks.given import read_given_boxes
from vidcl.tracks.preview.follower import Follower
from vidcl.tracks.preview.pieces import plan_segments
from vidcl.tracks.store import open_store
from vidcl.video.writer import write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Two shots of moving squares, 60 frames at 12 per second, and the boxes of the first one."""
    folder = tmp_path_factory.mktemp("preview")
    first, boxes = square_clip(32)
    second, _ = square_clip(28, seed=7)
    path = folder / "clip.mp4"
    write_video(path, [frame.image for frame in first + second], rate=12, crf=12)
    objects = [
        # two alike, and one that comes later
        {"id": "a", "times": [k / 12 for k in range(32)], "boxes": boxes.tolist()},
        {"id": "b", "times": [k / 12 for k in range(32)], "boxes": boxes.tolist()},
        {"id": "c", "times": [3.0, 4.0], "boxes": [[20, 20, 60, 60], [40, 20, 80, 60]]},
    ]
    (folder / "clip.json").write_text(json.dumps({"objects": objects}))
    return path


def settings(follow: dict[str, object], **more: object) -> ExtractConfig:
    return ExtractConfig(
        follow=FollowConfig(**follow), crop=CropConfig(canvas=16), engine="local", workers=1, **more
    )


CASES = {
    "default": settings({"follow_rate": 12.0, "keep_rate": 4.0, "working_side": 96}),
    "motion": settings({"proposer": "motion", "working_side": 96}),
    "shrunk": settings({"keep_rate": 5.0, "working_side": 96}, max_video_side=122),
    "full": settings(
        {"proposer": "grid", "tracker": "static", "follow_rate": None, "max_kept": 5},
        segment_seconds=2.0,
    ),
    "random": settings(
        {"proposer": "random", "tracker": "flow", "keep_rate": 3.0, "working_side": 64, "seed": 3},
        whole_frames=False,
    ),
    "given": settings({"proposer": "given", "tracker": "given", "keep_rate": 4.0}),
    "frames": settings({"proposer": "frame", "keep_rate": 4.0}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_boxes_are_those_of_the_store(case, clip, tmp_path):
    config, given = CASES[case], None
    if case == "given":
        config = config.model_copy(update={"given_dir": clip.parent})
        given = read_given_boxes(clip.parent / "clip.json")
    extract([clip], tmp_path, config)
    store = open_store(tmp_path)
    plan = read_plan(tmp_path)
    assert plan is not None
    follower = Follower(clip, config, given)
    pieces = [follower(segment) for segment, _ in plan.planned(plan.segments)]
    shown = [trace for piece in pieces for trace in piece.traces if trace.stored is not None]
    rows = store.select(kind="region")
    assert (len(rows) > 0) == (case != "frames")

    def key(times, boxes):
        return tuple(times.tolist()), tuple(map(tuple, boxes.tolist()))

    stored = sorted(
        (*key(store.times(row), store.boxes(row)), str(store.end_reason[row]), store.change[row])
        for row in rows
    )
    drawn = sorted(
        (
            *key(trace.stored.track.times, trace.boxes[trace.kept]),
            trace.end_reason,
            trace.stored.change,
        )
        for trace in shown
    )
    assert [row[:3] for row in drawn] == [row[:3] for row in stored]
    assert np.allclose([row[3] for row in drawn], [row[3] for row in stored], atol=1e-6)
    whole = sorted(count for piece in pieces for count in piece.whole)
    assert whole == sorted(store.lengths[store.select(kind="frame")])


def test_every_followed_frame_has_its_box(clip):
    _, truth = square_clip(32)
    config = CASES["motion"]
    (segment,) = plan_segments(clip, config)
    piece = Follower(clip, config)(segment)
    assert len(piece.times) == 60 and (piece.shots == [0] * 32 + [1] * 28).all()
    trace = next(t for t in piece.traces if t.stored is not None)
    assert (np.diff(trace.frames) == 1).all()
    inside = np.clip(truth[trace.frames], 0, [160, 120, 160, 120])
    overlap = [iou(a[None], b[None])[0, 0] for a, b in zip(trace.boxes, inside, strict=True)]
    assert np.median(overlap) > 0.5 and trace.end_reason == "cut" and trace.frames[-1] == 31
    every_third = np.arange(0, 32, 3)
    assert (trace.frames[trace.kept] == every_third[every_third >= trace.frames[0]]).all()
    assert all(t.stored is None or t.stored.track.crops == [] for t in piece.traces)


def test_segments_are_those_of_a_store_of_many_videos(clip, tmp_path):
    config = settings({}, segment_seconds=2.0)
    copies = [tmp_path / f"clip{number}.mp4" for number in range(10)]
    for copy in copies:
        copy.write_bytes(clip.read_bytes())
    planned = extend_plan(
        Plan.empty("video", {}, ""),
        list_sources(copies),
        lambda sources: [probe_path(source.path) for source in sources],
        segment_seconds=2.0,
        segments_per_shard=8,
    ).plan
    segments = [segment for segment, _ in planned.planned(planned.segments)]
    found = [segment for copy in copies for segment in plan_segments(copy, config)]

    def facts(segment):
        return segment.video_id, segment.index, segment.start, segment.end, segment.stamp

    assert sorted(map(facts, found)) == sorted(map(facts, segments))
    assert len(segments) == 30


def test_start_and_end_cut_the_segments(clip):
    config = settings({}, segment_seconds=1.0)
    spans = [(s.index, s.start, s.end) for s in plan_segments(clip, config, 1.5, 3.5)]
    assert spans == [(1, 1.5, 2.0), (2, 2.0, 3.0), (3, 3.0, 3.5)]
    assert [s.index for s in plan_segments(clip, config)] == [0, 1, 2, 3, 4]
    with pytest.raises(VidclError, match="must come before"):
        plan_segments(clip, config, 3.0, 3.0)
