"""Regions in one shot: their faults, and why they end."""

import numpy as np
import pytest

from tests.tracks.clips import draw, plain_crop
from vidcl.tracks import regions as module
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.judgement.judge import Judge
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.recorder import Recorder
from vidcl.tracks.regions import STILL, Region, Regions
from vidcl.tracks.track import SCORES
from vidcl.tracks.trackers.base import Moved, Stateless
from vidcl.video.frames import Frame

BOX = np.array([[40.0, 40, 74, 74]])


class Script(Stateless):
    """A tracker that does what a test says: ``moves`` of (boxes, error, confidence)."""

    needs_flow = True

    def __init__(self) -> None:
        self.moves: list[Moved] = []
        self.kept: list[list[int]] = []

    def keep(self, rows: np.ndarray) -> None:
        self.kept.append(rows.tolist())

    def step(self, scene: Scene, boxes: np.ndarray) -> Moved:
        return self.moves.pop(0) if self.moves else sure(boxes)


def sure(boxes: np.ndarray, error: float = 0.0, confidence: float = 1.0) -> Moved:
    count = len(boxes)
    return Moved(boxes, np.full(count, error), np.full(count, confidence))


@pytest.fixture()
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Regions follow the script, and every look is believed."""
    tracker = Script()

    def believe(self: Judge, scene: Scene, boxes: np.ndarray, error: np.ndarray) -> dict:
        return {name: np.ones(len(boxes)) for name in ("appearance", "blur", "total")}

    monkeypatch.setattr(module, "build_tracker", lambda *_: tracker)
    monkeypatch.setattr(Judge, "score", believe)
    return tracker


def region() -> Region:
    return Region(Recorder("region", "motion", "flow_cf", 0))


def begun(scene: Scene, boxes: np.ndarray = BOX, **settings: object) -> Regions:
    out = Regions(FollowConfig(**{"proposer": "given", **settings}))
    out.add(scene, boxes, [region() for _ in boxes])
    return out


def step(regions: Regions, scene: Scene) -> dict[int, str]:
    regions.move(scene)
    return dict(regions.ended(scene))


def keep(one: Region, times: list[int]) -> None:
    for time in times:
        frame = Frame(np.zeros((8, 8, 3), np.uint8), float(time), False)
        box = np.array([0.0, 0, 4, 4])
        one.recorder.keep(frame, box, dict.fromkeys(SCORES, 1.0), plain_crop)
        one.mark_kept()


def test_faults_count_in_a_row_and_apart() -> None:
    one = region()
    counts = [one.note("lost", bad) for bad in (True, True, False, True, True, True)]
    assert counts == [1, 2, 0, 1, 2, 3]
    assert one.note("mixed", True) == 1
    assert one.note("lost", False) == 0
    assert one.faults == {"lost": 0, "mixed": 1}


def test_a_track_that_ends_drops_the_steps_kept_during_the_fault() -> None:
    one = region()
    one.note("lost", False)
    keep(one, [0, 1, 2])
    one.note("lost", True)
    keep(one, [3])
    one.note("lost", True)
    keep(one, [4])
    track = one.finish("lost")
    assert track.times.tolist() == [0, 1, 2]
    assert len(track.crops) == len(track.boxes) == len(track.scores["total"]) == 3
    assert track.end_reason == "lost"
    assert one.unsure == len(one.recorder) == 0


def test_steps_are_believed_again_when_the_fault_passes() -> None:
    one = region()
    keep(one, [0])
    one.note("lost", True)
    keep(one, [1])
    one.note("lost", False)
    one.note("mixed", True)
    keep(one, [2])
    assert one.unsure == 2  # one fault took over from the other
    one.note("mixed", False)
    keep(one, [3])
    assert one.unsure == 0
    one.note("still", True)
    keep(one, [4])
    assert one.finish("end").times.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("patience", [1, 2, 4])
@pytest.mark.parametrize("fault", [{"error": 0.2}, {"confidence": 0.0}])
def test_a_step_that_fails_ends_a_region_after_its_patience(
    still: Scene, script: Script, patience: int, fault: dict[str, float]
) -> None:
    regions = begun(still, patience=patience, max_fb_error=0.12)
    bad, good = sure(BOX, **fault), sure(BOX)
    script.moves = [*[bad] * (patience - 1), good, *[bad] * patience]
    answers = [step(regions, still) for _ in range(2 * patience)]
    assert answers == [*[{}] * (2 * patience - 1), {0: "lost"}]


def test_an_error_below_the_limit_is_no_fault(still: Scene, script: Script) -> None:
    regions = begun(still, patience=1, max_fb_error=0.12)
    script.moves = [sure(BOX, error=0.119), sure(BOX, error=0.121)]
    assert [step(regions, still) for _ in range(2)] == [{}, {0: "lost"}]
    assert regions.scores["forward_backward"][0] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("total", "ends"), [(0.81, {}), (0.79, {0: "lost"})])
def test_a_look_that_is_not_believed_ends_a_region(
    still: Scene, script: Script, monkeypatch: pytest.MonkeyPatch, total: float, ends: dict
) -> None:
    def doubt(self: Judge, scene: Scene, boxes: np.ndarray, error: np.ndarray) -> dict:
        return {"appearance": np.ones(1), "blur": np.ones(1), "total": np.full(1, total)}

    monkeypatch.setattr(Judge, "score", doubt)
    regions = begun(still, min_confidence=0.8, patience=1)
    assert step(regions, still) == ends


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([130, 40, 170, 80], None),  # 75 % inside
        ([145, 40, 185, 80], "border"),  # 37 %
        ([-30, -30, 10, 10], "border"),
        ([40, 40, 52, 52], None),  # the limit is 15 for new ones, 10 here
        ([40, 40, 49, 60], "size"),  # too small
        ([5, 5, 155, 115], "size"),  # too large
        ([20, 40, 80, 51], "size"),  # too flat
        ([150, 40, 170, 44], "border"),  # both: where it went comes first
    ],
)
def test_border_and_size_end_a_region_at_once(
    still: Scene, script: Script, box: list[float], reason: str | None
) -> None:
    regions = begun(still, min_side=0.125, max_area=0.5, max_aspect=3.5, min_visible=0.6)
    script.moves = [sure(np.array([box], dtype=np.float64))]
    assert step(regions, still) == ({0: reason} if reason else {})


def test_of_two_regions_that_become_one_the_younger_ends(still: Scene, script: Script) -> None:
    boxes = np.array([[10.0, 10, 50, 50], [60, 10, 100, 50], [62, 70, 102, 110]])
    regions = begun(still, boxes, max_overlap=0.6)
    met = np.array([[10.0, 10, 50, 50], [14, 12, 54, 52], [62, 70, 102, 110]])  # IoU 0.75
    script.moves = [sure(met), sure(boxes), sure(met), sure(met)]
    answers = [step(regions, still) for _ in range(4)]
    assert answers == [{}, {}, {}, {1: "overlap"}]


def test_what_was_found_by_motion_ends_when_it_is_mixed(still: Scene, script: Script) -> None:
    draw(still, (42, 42, 54, 70), (62, 42, 73, 70))
    still.backward = np.zeros((120, 160, 2), np.float32)
    moving, given = begun(still, proposer="motion"), begun(still, proposer="given")
    assert [step(moving, still) for _ in range(2)] == [{}, {0: "mixed"}]
    assert [step(given, still) for _ in range(2)] == [{}, {}]


@pytest.mark.parametrize("proposer", ["motion", "combined"])
@pytest.mark.parametrize("patience", [1, 3])
def test_what_was_found_by_motion_may_rest_but_not_for_long(
    still: Scene, script: Script, proposer: str, patience: int
) -> None:
    still.backward = np.zeros((120, 160, 2), np.float32)
    draw(still, (45, 45, 70, 70))
    regions = begun(still, proposer=proposer, patience=patience)
    limit = STILL * patience
    still.mask[:] = 0
    assert [step(regions, still) for _ in range(limit - 1)] == [{}] * (limit - 1)
    draw(still, (45, 45, 70, 70))  # it moves once more
    assert step(regions, still) == {}
    still.mask[:] = 0
    answers = [step(regions, still) for _ in range(limit)]
    assert answers == [*[{}] * (limit - 1), {0: "still"}]


def test_what_did_not_move_when_it_was_found_need_not(still: Scene, script: Script) -> None:
    still.backward = np.zeros((120, 160, 2), np.float32)
    draw(still, (100, 20, 130, 50))
    boxes = np.concatenate([BOX, [[100.0, 20, 130, 50]]])
    regions = begun(still, boxes, proposer="combined", patience=1)
    still.mask[:] = 0
    answers = [step(regions, still) for _ in range(STILL)]
    assert answers == [*[{}] * (STILL - 1), {1: "still"}]
    draw(still, (42, 42, 54, 70), (62, 42, 73, 70))  # two things in the first, which may be so
    assert 0 not in step(regions, still)


def test_without_flow_nothing_is_called_still(still: Scene, script: Script) -> None:
    still.backward = np.zeros((120, 160, 2), np.float32)
    draw(still, (45, 45, 70, 70))
    regions = begun(still, proposer="motion", patience=1)
    still.mask[:], still.backward = 0, None
    assert [step(regions, still) for _ in range(STILL + 1)] == [{}] * (STILL + 1)


def test_removed_regions_are_handed_back_and_the_others_stay_in_order(
    still: Scene, script: Script
) -> None:
    boxes = np.array([[10.0 + 40 * k, 10, 40 + 40 * k, 50] for k in range(3)])
    regions = begun(still, boxes)
    members = list(regions.members)
    script.moves = [Moved(boxes + 1, np.array([0.0, 0.06, 0.12]), np.ones(3))]
    regions.move(still)
    scores = {name: values.copy() for name, values in regions.scores.items()}
    assert regions.remove({1}) == [members[1]]
    assert regions.members == [members[0], members[2]]
    np.testing.assert_array_equal(regions.boxes, boxes[[0, 2]] + 1)
    assert script.kept == [[0, 2]]
    for name in SCORES:
        np.testing.assert_array_equal(regions.scores[name], scores[name][[0, 2]])
    regions.add(still, BOX, [region()])
    assert len(regions.members) == len(regions.boxes) == 3
    assert all(len(values) == 3 and values[2] == 1 for values in regions.scores.values())


def test_placed_regions_are_scored(still: Scene) -> None:
    regions = begun(still, tracker="given")
    regions.place(still, BOX)
    assert set(regions.scores) == set(SCORES)
    assert regions.scores["forward_backward"].tolist() == [1.0]
    np.testing.assert_allclose(regions.scores["appearance"], 1, atol=1e-5)
