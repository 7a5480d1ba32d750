"""Motion and looks together."""

import numpy as np
import pytest

from tests.tracks.clips import draw, square_clip
from tests.tracks.proposers.pictures import THINGS, scene_of, things
from vidcl.tracks.boxes import iou
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.base import Proposed
from vidcl.tracks.proposers.combined import CombinedProposer
from vidcl.tracks.proposers.motion import SIGHTINGS
from vidcl.tracks.proposers.ranking import background
from vidcl.tracks.proposers.select import MAX_IOU


def show(images: list[np.ndarray], config: FollowConfig | None = None) -> tuple[Scene, Proposed]:
    """The scene after all frames, and what is proposed then."""
    scene = Scene(160, with_flow=True)
    proposer = CombinedProposer(config or FollowConfig())
    for image in images:
        scene.advance(image)
        proposer.look(scene)
    return scene, proposer.propose(scene)


def test_the_moving_thing_comes_first_and_looks_fill_up() -> None:
    frames, truth = square_clip(8)
    _, found = show([frame.image for frame in frames])
    assert iou(found.boxes[:1], truth[-1:])[0, 0] > 0.7
    assert found.scores[0] > 0.5
    assert len(found.boxes) > 3
    assert (np.diff(found.scores) <= 0).all()
    assert found.scores.min() >= 0
    assert found.scores.max() <= 1
    assert np.triu(iou(found.boxes, found.boxes), 1).max() <= MAX_IOU


def test_a_shot_that_stands_still_is_ranked_by_looks_alone() -> None:
    _, found = show([things()] * (SIGHTINGS + 1))
    assert (iou(found.boxes[:4], THINGS).max(axis=0) > 0.7).all()
    assert found.scores.max() <= 0.2  # no support


def test_nothing_is_proposed_before_motion_may_be_believed() -> None:
    scene, proposer = scene_of(things(), with_flow=True), CombinedProposer(FollowConfig())
    counts = []
    for _ in range(SIGHTINGS + 1):
        proposer.look(scene)
        counts.append(len(proposer.propose(scene).boxes))
        scene.advance(things())
    assert counts[:-1] == [0] * SIGHTINGS
    assert counts[-1] > 0
    proposer.reset()
    proposer.look(scene)
    assert len(proposer.propose(scene).boxes) == 0


@pytest.mark.parametrize("index", [0, 1])
def test_of_two_things_the_one_that_moves_ranks_higher(index: int) -> None:
    scene = Scene(160, with_flow=True)
    proposer = CombinedProposer(FollowConfig())
    for _ in range(SIGHTINGS + 1):
        scene.advance(things())
        proposer.look(scene)  # before there is a mask: seen to move in no frame
    x0, y0, x1, y1 = THINGS[index].astype(int)
    draw(scene, (x0, y0, x1, y1))
    found = proposer.propose(scene)
    overlaps = iou(found.boxes, THINGS)
    assert overlaps[0].argmax() == index
    assert overlaps[0, index] > 0.7
    assert 0.3 < found.scores[0] <= 0.5
    other = overlaps[:, 1 - index] > 0.7
    assert other.any()
    assert found.scores[other].max() < found.scores[0] - 0.1


def test_a_part_that_just_began_to_move_is_proposed_with_a_search() -> None:
    plain = np.full((120, 160, 3), 128, np.uint8)
    scene, proposer = Scene(160, with_flow=True), CombinedProposer(FollowConfig())
    for _ in range(SIGHTINGS + 1):
        scene.advance(plain)
        proposer.look(scene)
    draw(scene, (30, 40, 60, 80))
    found = proposer.propose(scene)
    assert found.boxes.tolist() == [[30, 40, 60, 80]]
    assert 0.3 < found.scores[0] <= 0.5
    scene.advance(plain)
    draw(scene, (30, 40, 60, 80))
    proposer.look(scene)
    assert len(proposer.propose(scene).boxes) == 0  # seen once, and no search is due


def test_motion_in_a_large_corner_is_background() -> None:
    scene = Scene(160, with_flow=True)
    proposer = CombinedProposer(FollowConfig())
    for _ in range(SIGHTINGS + 1):
        scene.advance(things())
        draw(scene, (0, 0, 100, 70))
        proposer.look(scene)
    assert proposer._motion.propose(scene).boxes.tolist() == [[0, 0, 100, 70]]
    found = proposer.propose(scene)
    assert len(found.boxes)
    assert not background(found.boxes, *scene.size).any()
    assert found.scores.max() <= 0.5


def test_two_runs_agree() -> None:
    images = [frame.image for frame in square_clip(6)[0]]
    (_, first), (_, again) = show(images), show(images)
    np.testing.assert_array_equal(first.boxes, again.boxes)
    np.testing.assert_array_equal(first.scores, again.scores)


@pytest.mark.parametrize("shape", [(2, 200), (200, 2), (1, 1), (64, 64)])
def test_flat_and_tiny_pictures_do_no_harm(shape: tuple[int, int]) -> None:
    _, found = show([np.full((*shape, 3), 50, np.uint8)] * 5)
    assert found.boxes.shape == (0, 4)
    generator = np.random.default_rng(0)
    noise = [generator.integers(0, 256, (*shape, 3), np.uint8) for _ in range(5)]
    _, found = show(noise)
    assert np.isfinite(found.boxes).all()
    assert found.boxes.shape == (len(found.scores), 4)
