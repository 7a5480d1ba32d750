"""What judgement sees, and what it would have kept."""

from pathlib import Path

import numpy as np
import pytest

from tests.tracks.clips import plain_crop, square_clip
from tests.tracks.quality.making import made, square_sequence
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.judgement.confidence import confidence
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.quality.evidence import (
    Trace,
    follow_unjudged,
    half_kept,
    kept_length,
    kept_of,
    pooled,
)
from vidcl.tracks.quality.runs import Run, run_free
from vidcl.tracks.quality.truth import TruthRows
from vidcl.tracks.recorder import Recorder
from vidcl.tracks.regions import Region, Regions
from vidcl.tracks.track import SCORES
from vidcl.video.frames import Frame

CONFIG = FollowConfig(working_side=120)
BOX = np.array([10.0, 10, 20, 20])
FRAME = Frame(np.zeros((4, 4, 3), np.uint8), 0.0, False)


def trace_of(on: list[bool], sequence: str = "made", lasts: int = 0) -> Trace:
    """Boxes on the object (IoU 1) or off it (0); then ``lasts`` frames that nothing followed."""
    boxes = [BOX if is_on else BOX + 50 for is_on in on]
    run = Run(0, 0, BOX, boxes, [BOX] * (len(on) + lasts))
    return Trace(sequence, run, [np.full(5, k) for k in range(len(on))])


def test_boxes_are_those_of_a_tracker_alone_and_evidence_that_of_judgement() -> None:
    sequence = square_sequence(14)
    traces = follow_unjudged(sequence, CONFIG, lambda _, seen: seen % 5 == 0)
    runs = run_free(sequence, "flow_cf", every=5, working_side=120)
    assert [trace.run.start for trace in traces] == [run.start for run in runs] == [0, 5, 10]
    for trace, run in zip(traces, runs, strict=True):
        assert trace.sequence == "made"
        np.testing.assert_array_equal(trace.run.boxes, run.boxes)
        np.testing.assert_array_equal(trace.run.overlaps(), run.overlaps())
        assert trace.table().shape == (len(run.boxes), 5)

    regions, scene = Regions(CONFIG), Scene(120, with_flow=True)
    expected = []
    for step in sequence.steps():
        scene.advance(step.frame.image)
        if step.index:
            regions.move(scene)
            expected.append(regions.scores["total"][0])
        else:
            region = Region(Recorder("region", "given", "flow_cf", 0))
            regions.add(scene, scene.to_working(step.truth), [region])
    np.testing.assert_allclose(confidence(traces[0].table()), expected)


def test_objects_begin_where_they_are_asked_for_and_are_there() -> None:
    frames, boxes = square_clip(10)
    boxes[2], boxes[5] = np.nan, 0.0
    sequence = made(frames, TruthRows(boxes))
    at = [
        [trace.run.start for trace in follow_unjudged(sequence, CONFIG, start)]
        for start in (
            lambda index, _: index in (2, 3, 5, 9),  # 9 is the last: nothing comes after it
            lambda _, seen: seen == 4,
        )
    ]
    assert at == [[3], [6]]


def test_frames_without_truth_are_not_pooled() -> None:
    first, second = trace_of([True, False, True]), trace_of([False])
    first.run.truth[0] = np.full(4, np.nan)
    first.run.truth[2] = np.zeros(4)  # absent: whatever the box holds is not the object
    evidence, on = pooled([first, second])
    assert on.tolist() == [False, False, False]
    assert evidence[:, 0].tolist() == [1, 2, 0]
    evidence, on = pooled([])
    assert evidence.shape == (0, 5) and on.shape == (0,)


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_kept_length_is_what_a_region_would_keep(patience: int) -> None:
    generator = np.random.default_rng(0)
    lengths = set()
    for _ in range(200):
        scores = generator.random(12) ** 0.5
        region = Region(Recorder("region", "given", "flow_cf", 0))
        for score in scores:
            if region.note("lost", bool(score < 0.5)) >= patience:
                break
            region.recorder.keep(FRAME, BOX, dict.fromkeys(SCORES, 1.0), plain_crop)
            region.mark_kept()
        assert kept_length(scores, 0.5, patience) == len(region.finish("lost"))
        lengths.add(kept_length(scores, 0.5, patience))
    assert len(lengths) > 5
    assert kept_length(np.zeros(0), 0.5, patience) == 0


def test_kept_of_counts_what_is_left_per_sequence() -> None:
    traces = [
        trace_of([True, True, False, False], "a", lasts=2),
        trace_of([False, True], "a"),
        trace_of([True, True, True], "b"),
    ]
    scores = [np.array([0.9, 0.2, 0.9, 0.1]), np.array([0.9, 0.9]), np.array([0.1, 0.1, 0.9])]
    sums = kept_of(traces, scores, 0.5, patience=2)
    # of the first three frames are kept, of the second both, of the third none
    assert sums["a"]["purity"] == (3.0, 5.0)
    assert sums["a"]["kept_share"] == (5.0, 8.0)
    assert sums["b"]["purity"] == (0.0, 0.0)
    assert sums["b"]["kept_share"] == (0.0, 3.0)
    assert len(traces[0].run.boxes) == 4  # nothing was cut off for good


@pytest.mark.parametrize("seed", range(4))
def test_half_kept_is_the_lowest_threshold_that_does(seed: int) -> None:
    generator = np.random.default_rng(seed)
    traces = [trace_of([True] * 15, str(k)) for k in range(6)]
    scores = [np.round(generator.random(15) ** 0.4, 2) for _ in traces]
    enough = []
    for level in np.unique(np.concatenate(scores)):
        sums = kept_of(traces, scores, level, 2).values()
        if sum(row["kept_share"][0] for row in sums) <= 0.5 * 90:
            enough.append(level)
    assert half_kept(traces, scores, 2) == min(enough)


def test_where_no_threshold_keeps_half_the_highest_is_taken() -> None:
    assert half_kept([trace_of([True] * 4)], [np.full(4, 0.7)], 2) == 0.7


def test_an_unreadable_sequence_is_an_error(tmp_path: Path) -> None:
    from vidcl.errors import VidclError
    from vidcl.tracks.quality.sequences import AnnotatedSequence

    path = tmp_path / "clip.mp4"
    path.write_bytes(b"nothing")
    sequence = AnnotatedSequence("clip", path, TruthRows(np.array([BOX])))
    with pytest.raises(VidclError):
        follow_unjudged(sequence, CONFIG, lambda *_: True)
