"""What looks like an object is found, alike in every run, and bad pictures do no harm."""

import cv2
import numpy as np
import pytest

from tests.tracks.clips import texture
from tests.tracks.proposers.pictures import THINGS, scene_of, things
from vidcl.tracks.boxes import iou
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.proposers.edges import edge_map
from vidcl.tracks.proposers.objectness import (
    RENEW,
    EdgeBoxesProposer,
    Searching,
    SelectiveSearchProposer,
)
from vidcl.tracks.proposers.ranking import background, enclosure, relative
from vidcl.tracks.proposers.select import MAX_IOU

SEARCHES = (SelectiveSearchProposer, EdgeBoxesProposer)


@pytest.mark.parametrize("search", SEARCHES)
def test_things_are_among_the_first_boxes(search: type[Searching]) -> None:
    scene, config = scene_of(things()), FollowConfig()
    found = search(config).propose(scene)
    assert (iou(found.boxes[:4], THINGS).max(axis=0) > 0.7).all()
    assert (np.diff(found.scores) <= 0).all()
    assert found.scores.min() >= 0
    assert found.scores.max() <= 1
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    assert (sides.min(axis=1) >= config.min_side * 120).all()
    assert (sides.prod(axis=1) <= config.max_area * 160 * 120).all()
    assert (sides.max(axis=1) <= config.max_aspect * sides.min(axis=1)).all()
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [160, 120, 160, 120]).all()
    assert not background(found.boxes, 160, 120).any()
    overlaps = np.triu(iou(found.boxes, found.boxes), 1)
    assert overlaps.max() <= MAX_IOU


@pytest.mark.parametrize("search", SEARCHES)
def test_boxes_are_in_working_pixels(search: type[Searching]) -> None:
    large = cv2.resize(things(), (640, 480), interpolation=cv2.INTER_NEAREST)
    scene = scene_of(large)
    assert scene.size == (213, 160)
    found = search(FollowConfig()).propose(scene)
    assert (iou(scene.to_source(found.boxes[:6]), 4 * THINGS).max(axis=0) > 0.7).all()


@pytest.mark.parametrize("search", SEARCHES)
def test_two_runs_agree(search: type[Searching]) -> None:
    scene = scene_of(texture(7, 120, 160, grain=14))
    first = search(FollowConfig()).candidates(scene)
    assert len(first.boxes) > 20
    cv2.setRNGSeed(5)
    for _ in range(2):  # selective search orders its boxes by the C library's random numbers
        again = search(FollowConfig()).candidates(scene)
        np.testing.assert_array_equal(first.boxes, again.boxes)
        np.testing.assert_array_equal(first.scores, again.scores)


def test_boxes_of_equal_score_come_in_one_order() -> None:
    runs = [
        SelectiveSearchProposer(FollowConfig()).candidates(scene_of(things())) for _ in range(3)
    ]
    assert len(np.unique(runs[0].scores)) < len(runs[0].scores)
    for run in runs[1:]:
        np.testing.assert_array_equal(run.boxes, runs[0].boxes)


def test_edge_boxes_are_ranked_half_by_their_own_score_half_by_enclosure() -> None:
    limits, image = FollowConfig(), texture(9, 120, 160, grain=12)
    edges = edge_map(image)
    boxes, own = EdgeBoxesProposer(limits)._search(image, edges)
    sides = boxes[:, 2:] - boxes[:, :2]
    kept = (sides.min(axis=1) >= 12) & (sides.prod(axis=1) <= 9600) & ~background(boxes, 160, 120)
    kept &= sides.max(axis=1) <= limits.max_aspect * sides.min(axis=1)
    enclosed = enclosure(edges, boxes[kept])
    total = 0.5 * relative(enclosed) + 0.5 * relative(own[kept])
    found = EdgeBoxesProposer(limits).candidates(scene_of(image))
    np.testing.assert_allclose(found.scores, np.sort(total)[::-1])
    np.testing.assert_array_equal(found.boxes, boxes[kept][np.argsort(-total, kind="stable")])


@pytest.mark.parametrize("search", SEARCHES)
def test_a_shot_is_searched_once_and_again_after_a_while(search: type[Searching]) -> None:
    scene, proposer = scene_of(things()), search(FollowConfig())
    proposer.look(scene)
    first = proposer.propose(scene)
    assert len(first.boxes)
    assert len(proposer.propose(scene).boxes) == len(first.boxes)  # the same frame
    counts = []
    for _ in range(RENEW + 1):
        proposer.look(scene)
        counts.append(len(proposer.propose(scene).boxes))
    assert [k for k, count in enumerate(counts, start=1) if count] == [RENEW]
    proposer.reset()
    proposer.look(scene)
    assert len(proposer.propose(scene).boxes) == len(first.boxes)


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("shape", [(120, 160), (2, 2), (90, 2), (2, 300), (1, 1), (33, 47)])
def test_flat_and_tiny_pictures_do_no_harm(search: type[Searching], shape: tuple[int, int]) -> None:
    flat = search(FollowConfig()).propose(scene_of(np.full((*shape, 3), 128, np.uint8)))
    assert flat.boxes.shape == (0, 4)
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    noisy = search(FollowConfig()).propose(scene_of(noise))
    assert noisy.boxes.shape == (len(noisy.scores), 4)
    assert np.isfinite(noisy.boxes).all()
    assert np.isfinite(noisy.scores).all()
