"""OpenCV's trackers behind the common interface: the same boxes, and nothing that crashes."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from tests.tracks.clips import square_clip, texture
from vidcl.tracks.boxes import iou
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.trackers import opencv
from vidcl.tracks.trackers.opencv import OpenCVTracker
from vidcl.video.frames import Frame

NAMES = ("kcf", "csrt", "mosse", "medianflow")
RAW = {
    "kcf": (cv2.TrackerKCF.create, cv2.COLOR_RGB2BGR, round),
    "csrt": (cv2.TrackerCSRT.create, cv2.COLOR_RGB2BGR, round),
    "mosse": (cv2.legacy.TrackerMOSSE.create, cv2.COLOR_RGB2GRAY, float),
    "medianflow": (cv2.legacy.TrackerMedianFlow.create, cv2.COLOR_RGB2GRAY, float),
}


def scenes(frames: list[Frame], side: int) -> Iterator[Scene]:
    """The scene of every frame; each is the same object, advanced."""
    scene = Scene(side, with_flow=False)
    for frame in frames:
        scene.advance(frame.image)
        yield scene


@pytest.mark.parametrize("name", NAMES)
def test_regions_move_as_raw_trackers_on_the_full_frame_do(name: str) -> None:
    frames, truth = square_clip(18, camera=0, speed=(1.2, 0.6), side=44)
    starts = np.array([truth[0], [100.0, 60, 140, 100]])
    create, code, number = RAW[name]
    expected = []
    for start in starts:
        x0, y0, x1, y1 = (number(value) for value in start)
        raw = create()
        raw.init(cv2.cvtColor(frames[0].image, code), (x0, y0, x1 - x0, y1 - y0))
        path = []
        for frame in frames[1:]:
            found, (x, y, w, h) = raw.update(cv2.cvtColor(frame.image, code))
            assert found
            path.append([x, y, x + w, y + h])
        expected.append(path)
    tracker, boxes = OpenCVTracker(name), np.zeros((0, 4))
    for k, scene in enumerate(scenes(frames, side=60)):
        if k == 0:
            boxes = scene.to_working(starts)
            tracker.add(scene, boxes)
            continue
        moved = tracker.step(scene, boxes)
        boxes = moved.boxes
        wanted = np.array([path[k - 1] for path in expected])
        assert np.allclose(scene.to_source(boxes), wanted, atol=1e-4)
        assert np.array_equal(moved.confidence, [1, 1])
    assert (
        iou(scene.to_source(boxes)[:1], truth[-1:])[0, 0] > 0.6 > 0.3 > iou(truth[:1], truth[-1:])
    )


@pytest.mark.parametrize("name", NAMES)
def test_boxes_that_are_none_are_lost_and_cost_no_other(name: str) -> None:
    frames, truth = square_clip(4, speed=(1.2, 0.6), side=44)
    strange = np.array(
        [
            truth[0],
            [20, 20, 21.5, 60],  # under two pixels
            [np.nan, 20, 40, 60],
            [20, 20, np.inf, 60],
            [60, 60, 20, 20],  # inverted
            [-50, 10, -5, 50],  # outside
            [158.5, 10, 190, 60],  # almost outside
        ]
    )
    tracker = OpenCVTracker(name)
    for k, scene in enumerate(scenes(frames, side=120)):
        if k == 0:
            boxes = strange.copy()
            tracker.add(scene, boxes)
            continue
        moved = tracker.step(scene, boxes)
        boxes = moved.boxes
        assert np.array_equal(moved.confidence, [1, 0, 0, 0, 0, 0, 0])
        assert np.array_equal(boxes[1:], strange[1:], equal_nan=True)
    assert np.abs(boxes[0] - strange[0]).max() > 1.5
    tracker.keep(np.array([1, 0]))
    assert np.array_equal(tracker.step(scene, boxes[[1, 0]]).confidence, [0, 1])


@pytest.mark.parametrize("name", ["kcf", "mosse"])
def test_a_failure_keeps_the_box_and_is_not_the_end(name: str) -> None:
    image, other = texture(0, 120, 160), texture(5, 120, 160)
    frames = [Frame(picture, 0.0, False) for picture in (image, image, other, image)]
    tracker, boxes, confidence = OpenCVTracker(name), np.array([[40.0, 30, 90, 80]]), []
    for k, scene in enumerate(scenes(frames, side=120)):
        if k == 0:
            tracker.add(scene, boxes)
        else:
            moved = tracker.step(scene, boxes)
            assert np.allclose(moved.boxes, boxes, atol=2)
            confidence.append(moved.confidence[0])
            boxes = moved.boxes
    assert confidence == [1, 0, 1]


class Scripted:
    """A tracker object that gives or raises what a test says."""

    def __init__(self, answers: list) -> None:
        self.answers = answers

    def init(self, picture: np.ndarray, rectangle: tuple) -> None:
        self._next()

    def update(self, picture: np.ndarray) -> tuple:
        return True, self._next()

    def _next(self) -> tuple:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    "answers",
    [
        [cv2.error("no")],
        [(), cv2.error("no")],
        [(), (float("nan"), 0.0, 20.0, 20.0)],
        [(), (10.0, 10.0, 1.0, 40.0)],
        [(), (10.0, 10.0, float("inf"), 40.0)],
        [(), (500.0, 10.0, 40.0, 40.0)],
    ],
)
def test_what_native_code_refuses_or_makes_up_loses_the_region(
    answers: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(opencv._CREATE, "mosse", lambda: Scripted([*answers, (9.0, 9.0, 9.0, 9.0)]))
    tracker, box = OpenCVTracker("mosse"), np.array([[10.0, 10, 50, 50]])
    scene = Scene(120, with_flow=False)
    scene.advance(texture(0, 120, 160))
    tracker.add(scene, box)
    for _ in range(2):
        moved = tracker.step(scene, box)
        assert np.array_equal(moved.boxes, box) and moved.confidence[0] == 0


def test_other_exceptions_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(opencv._CREATE, "mosse", lambda: Scripted([ValueError("a fault")]))
    scene = Scene(120, with_flow=False)
    scene.advance(texture(0, 120, 160))
    with pytest.raises(ValueError, match="a fault"):
        OpenCVTracker("mosse").add(scene, np.array([[10.0, 10, 50, 50]]))


@pytest.mark.parametrize("name", NAMES)
def test_odd_pictures_and_boxes_give_finite_boxes(name: str) -> None:
    generator = np.random.default_rng(0)
    for height, width in ((2, 60), (60, 2), (1, 1), (8, 8), (33, 40)):
        size = np.array([width, height] * 2)
        boxes = np.concatenate(
            [
                generator.uniform(-0.6, 1.6, (6, 4)) * size,
                # OpenCV's CSRT throws on these two: when it begins, and when it goes on
                [[6, 0, 10, 6], [20, -1, 25, 4], [0, 0, width, height]],
            ]
        )
        tracker = OpenCVTracker(name)
        scene = Scene(60, with_flow=False)
        scene.advance(generator.integers(0, 255, (height, width, 3), np.uint8))
        boxes = scene.to_working(boxes)
        tracker.add(scene, boxes)
        for _ in range(3):
            scene.advance(generator.integers(0, 255, (height, width, 3), np.uint8))
            moved = tracker.step(scene, boxes)
            boxes = moved.boxes
            assert np.isfinite(boxes).all() and set(moved.confidence) <= {0.0, 1.0}
