"""Links against plain loops, and link tracks in a store."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from tests.tracks.clips import square_clip, texture
from vidcl.errors import VidclError
from vidcl.tracks.boxes import iou
from vidcl.tracks.config import FollowConfig, TrackerName
from vidcl.tracks.crops import CropConfig
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.run import extract
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.store import open_store
from vidcl.tracks.trackers import linking
from vidcl.tracks.trackers.build import build_tracker
from vidcl.tracks.trackers.descriptors import describe_regions
from vidcl.tracks.trackers.linking import LinkTracker, assign, local_candidates, plausibility
from vidcl.video.writer import write_video


def test_plausibility_is_as_documented() -> None:
    generator = np.random.default_rng(1)
    low = generator.uniform(0, 60, (30, 2))
    boxes = np.concatenate([low, low + generator.uniform(15, 40, (30, 2))], axis=1)
    candidates = boxes + generator.uniform(-8, 8, boxes.shape)
    candidates[3] = [20, 20, 20, 40]
    got = plausibility(boxes, candidates)
    for n, box in enumerate(boxes):
        for m, other in enumerate(candidates):
            width, height = box[2] - box[0], box[3] - box[1]
            wide, high = other[2] - other[0], other[3] - other[1]
            expected = 0.0
            if wide > 0 and high > 0:
                x = (other[0] + other[2] - box[0] - box[2]) / 2 / width
                y = (other[1] + other[3] - box[1] - box[3]) / 2 / height
                move = np.hypot(x, y)
                change = np.sqrt((np.log(wide / width) ** 2 + np.log(high / height) ** 2) / 2)
                if move <= 2 * linking.PLACE_SPREAD and change <= 2 * linking.SIZE_SPREAD:
                    expected = np.exp(-(move**2) / (2 * linking.PLACE_SPREAD**2)) * np.exp(
                        -(change**2) / (2 * linking.SIZE_SPREAD**2)
                    )
            assert np.isclose(got[n, m], expected, atol=1e-12)
    assert 30 < (got > 0).sum() < 450 and (got[:, 3] == 0).all()


def test_local_candidates_belong_to_their_region() -> None:
    boxes = np.array([[10.0, 10, 30, 50], [60, 60, 90, 80]])
    candidates, prior = local_candidates(boxes)
    each = len(candidates) // 2
    assert prior.shape == (2, 2 * each) and each > 100
    assert (prior[0, each:] == 0).all() and (prior[1, :each] == 0).all()
    assert np.allclose(prior[0, :each], plausibility(boxes[:1], candidates[:each]))
    assert np.allclose(prior[1, each:], plausibility(boxes[1:], candidates[each:]))
    for box, group, row in zip(boxes, np.split(candidates, 2), np.split(prior, 2), strict=True):
        assert np.allclose(group[row.max(axis=0).reshape(2, -1).max(axis=0).argmax()], box)


def test_links_are_made_best_first() -> None:
    generator = np.random.default_rng(2)
    for shape in ((5, 9), (6, 3), (4, 0), (0, 4)):
        scores = generator.random(shape)
        pairs = sorted(np.ndindex(*shape), key=lambda pair: -scores[pair])
        expected, taken = np.full(shape[0], -1), set()
        for region, candidate in pairs:
            free = expected[region] < 0 and candidate not in taken
            if free and scores[region, candidate] >= 0.4:
                expected[region] = candidate
                taken.add(candidate)
        assert np.array_equal(assign(scores, 0.4), expected)
    assert np.array_equal(assign(np.array([[0.9, 0.8], [0.9, 0.1]]), 0.0), [0, 1])


def scene_of(picture: np.ndarray, side: int = 120) -> Scene:
    scene = Scene(side, with_flow=False)
    scene.advance(picture)
    return scene


def test_a_moving_square_is_linked() -> None:
    frames, truth = square_clip(16)
    tracker, scene = LinkTracker(), Scene(120, with_flow=False)
    overlaps = []
    for k, frame in enumerate(frames):
        scene.advance(frame.image)
        if k == 0:
            boxes = truth[:1]
            tracker.add(scene, boxes)
            continue
        moved = tracker.step(scene, boxes)
        boxes = moved.boxes
        assert moved.confidence[0] > 0.5
        overlaps.append(iou(boxes, truth[k : k + 1])[0, 0])
    assert min(overlaps) > 0.6


class Colours:
    """Features that are the colour in the middle of a box, and a record of what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[int, ...], np.ndarray]] = []

    def __call__(self, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        self.asked.append((picture.shape, boxes))
        x, y = ((boxes[:, :2] + boxes[:, 2:]) / 2).astype(int).T
        return picture[y, x].astype(np.float32)


RED, GREEN = np.array([[20.0, 20, 50, 50]]), np.array([[50.0, 20, 80, 50]])
RIGHT = np.array([1.0, 0, 1, 0])


def coloured(red: np.ndarray, green: np.ndarray) -> np.ndarray:
    """A picture of twice the working size, blue, with red and green in the middle of two boxes."""
    picture = np.full((240, 320, 3), (0, 0, 255), np.uint8)
    for box, colour in ((red, (255, 0, 0)), (green, (0, 255, 0))):
        x0, y0, x1, y1 = (2 * box[0] + [16, 16, -16, -16]).astype(int)
        picture[y0:y1, x0:x1] = colour
    return picture


def test_regions_that_change_places_are_told_apart_by_features() -> None:
    # each candidate is in reach of both regions, and nearer to the wrong one
    embed, candidates = Colours(), [np.concatenate([RED, GREEN])]
    tracker = LinkTracker(embed, propose=lambda scene: candidates[0])
    boxes = np.concatenate([RED + 9 * RIGHT, GREEN - 9 * RIGHT])
    tracker.add(scene_of(coloured(boxes[:1], boxes[1:])), boxes)
    moved = tracker.step(scene_of(coloured(GREEN, RED)), boxes)
    assert np.array_equal(moved.boxes, np.concatenate([GREEN, RED]))
    assert [shape for shape, _ in embed.asked] == [(240, 320, 3)] * 2
    assert np.array_equal(embed.asked[1][1], 2 * candidates[0])


def test_confidence_is_the_mean_of_the_links_and_a_missing_link_counts_as_none() -> None:
    offers = [RED + 3.0, np.zeros((0, 4)), GREEN + 50 * RIGHT, RED - 6.0]
    feed = iter(offers)
    tracker, boxes = LinkTracker(Colours(), propose=lambda scene: next(feed)), RED
    scene = scene_of(coloured(np.array([[0.0, 0, 70, 70]]), GREEN + 50 * RIGHT))
    tracker.add(scene, boxes)
    first = plausibility(RED, offers[0])[0, 0]
    last = plausibility(offers[0], offers[3])[0, 0]
    for offer, confidence in zip(
        (RED + 3.0, RED + 3.0, RED + 3.0, RED - 6.0), (first, 0, 0, (first + last) / 4), strict=True
    ):
        moved = tracker.step(scene, boxes)
        boxes = moved.boxes
        assert np.array_equal(boxes, offer)
        assert np.isclose(moved.confidence[0], confidence)


def test_two_regions_do_not_share_a_candidate() -> None:
    tracker = LinkTracker(Colours(), propose=lambda scene: RED)
    scene = scene_of(coloured(RED, GREEN))
    boxes = np.concatenate([RED + 4, RED + 1])
    tracker.add(scene, boxes)
    moved = tracker.step(scene, boxes)
    assert np.array_equal(moved.boxes, np.concatenate([RED + 4, RED]))
    assert moved.confidence[0] == 0 < moved.confidence[1]


def test_an_encoder_sees_a_short_list_of_local_candidates() -> None:
    frames, truth = square_clip(10)
    asked = []

    def embed(picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        asked.append(len(boxes))
        return 3 * describe_regions(picture, boxes)

    tracker, scene = LinkTracker(embed), Scene(60, with_flow=False)
    starts = np.array([truth[0], [100.0, 60, 140, 100]])
    for k, frame in enumerate(frames):
        scene.advance(frame.image)
        if k == 0:
            boxes = scene.to_working(starts)
            tracker.add(scene, boxes)
        else:
            boxes = tracker.step(scene, boxes).boxes
    assert asked == [2] + [2 * linking.SHORTLIST] * 9
    assert iou(scene.to_source(boxes[:1]), truth[-1:])[0, 0] > 0.6


def test_features_move_slowly_towards_those_of_the_links() -> None:
    looks = iter(np.array([[[1.0, 0, 0]], [[0.6, 0.8, 0]], [[0.6, 0.8, 0]]], np.float32))
    tracker = LinkTracker(lambda picture, boxes: next(looks), propose=lambda scene: RED)
    scene = scene_of(texture(0, 120, 160))
    tracker.add(scene, RED)
    assert np.isclose(tracker.step(scene, RED).confidence[0], 0.6)
    mixed = (1 - linking.RATE) * np.array([1.0, 0, 0]) + linking.RATE * np.array([0.6, 0.8, 0])
    cosine = np.dot(mixed / np.linalg.norm(mixed), [0.6, 0.8, 0])
    assert 0.61 < cosine < 0.65
    assert np.isclose(tracker.step(scene, RED).confidence[0], (0.6 + cosine) / 2, atol=1e-6)


def test_a_short_list_that_agrees_changes_nothing() -> None:
    # where the embedding is the descriptor itself, and no smaller copy is made
    frames, truth = square_clip(10)
    plain, listed = LinkTracker(), LinkTracker(describe_regions)
    scene = Scene(120, with_flow=False)
    boxes = np.array([truth[0], [100.0, 60, 140, 100], [30, 70, 60, 110]])
    for k, frame in enumerate(frames):
        scene.advance(frame.image)
        if k == 0:
            plain.add(scene, boxes)
            listed.add(scene, boxes)
            continue
        one, other = plain.step(scene, boxes), listed.step(scene, boxes)
        assert np.allclose(one.boxes, other.boxes)
        assert np.allclose(one.confidence, other.confidence, atol=1e-5)
        boxes = one.boxes
        coarse, fine = (looks._features for looks in listed._stages)
        assert coarse is not None and np.allclose(coarse, fine, atol=1e-6)


def test_regions_come_and_go() -> None:
    frames, truth = square_clip(5)
    others = np.array([[100.0, 60, 140, 100], [30, 70, 60, 110]])

    def final(order: list[int], dropped: int | None) -> dict[int, np.ndarray]:
        """Boxes of the regions after five frames; the last one joins in the second frame."""
        starts = np.concatenate([truth[:1], others])
        tracker, scene, names = LinkTracker(), Scene(120, with_flow=False), list(order[:-1])
        for k, frame in enumerate(frames):
            scene.advance(frame.image)
            if k == 0:
                boxes = starts[names]
                tracker.add(scene, boxes)
                continue
            boxes = tracker.step(scene, boxes).boxes
            if k == 1:
                tracker.add(scene, starts[order[-1:]])
                boxes, names = np.concatenate([boxes, starts[order[-1:]]]), list(order)
            if k == 2 and dropped is not None:
                rows = np.array([row for row, name in enumerate(names) if name != dropped])
                tracker.keep(rows)
                boxes, names = boxes[rows], [names[row] for row in rows]
        return dict(zip(names, boxes, strict=True))

    everything, less = final([0, 1, 2], None), final([1, 0, 2], 1)
    assert sorted(less) == [0, 2]
    for name in less:
        assert np.allclose(less[name], everything[name])


@pytest.mark.parametrize(
    "wrong",
    [np.full((1, 4), np.nan, np.float32), np.ones((2, 4), np.float32), np.ones(4, np.float32)],
)
def test_useless_features_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(VidclError, match="one finite row per box"):
        LinkTracker(lambda picture, boxes: wrong).add(scene_of(texture(0, 120, 160)), RED)


def test_every_tracker_can_be_built_and_only_link_takes_features() -> None:
    for name in get_args(TrackerName):
        tracker = build_tracker(name)
        scene = Scene(120, with_flow=tracker.needs_flow)
        first, second = square_clip(2, speed=(1.0, 0.5))[0]
        scene.advance(first.image)
        tracker.add(scene, RED)
        scene.advance(second.image)
        moved = tracker.step(scene, RED)
        assert moved.boxes.shape == (1, 4) and moved.error.shape == moved.confidence.shape == (1,)
        if name != "link":
            with pytest.raises(VidclError, match=f"instead of '{name}'"):
                build_tracker(name, Colours())
    assert isinstance(build_tracker("link", Colours()), LinkTracker)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames, _ = square_clip(24, camera=0)
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    write_video(path, np.stack([frame.image for frame in frames]), rate=12)
    return path


class Described:
    """A named embedding."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        return describe_regions(picture, boxes)


def test_extract_links_and_remembers_with_what(clip: Path, tmp_path: Path) -> None:
    config = ExtractConfig(
        follow=FollowConfig(proposer="grid", tracker="link", keep_rate=6, max_regions=3),
        crop=CropConfig(canvas=16),
        engine="local",
        workers=1,
    )
    extract([clip], tmp_path / "plain", config)
    store = open_store(tmp_path / "plain")
    rows = [k for k, kind in enumerate(store.column("kind")) if kind == "region"]
    assert len(rows) >= 3
    assert {store.column("tracker")[k] for k in rows} == {"link"}
    assert any(np.ptp(store.read_row(k).track.boxes, axis=0).max() > 3 for k in rows)

    out = tmp_path / "encoded"
    extract([clip], out, config, embed_regions=Described("a"))
    assert extract([clip], out, config, embed_regions=Described("a")).shards_done == 0
    for other in (Described("b"), None):
        with pytest.raises(VidclError, match="link_encoder = a"):
            extract([clip], out, config, embed_regions=other)
    other_tracker = config.model_copy(
        update={"follow": config.follow.model_copy(update={"tracker": "flow"})}
    )
    with pytest.raises(VidclError, match=r"--follow\.tracker link, not 'flow'"):
        extract([clip], tmp_path / "flow", other_tracker, embed_regions=Described("a"))
