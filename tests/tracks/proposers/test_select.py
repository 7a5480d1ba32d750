"""Which boxes are started; controls."""

from typing import get_args

import numpy as np
import pytest

from vidcl.tracks.config import FollowConfig, ProposerName
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.base import Proposed
from vidcl.tracks.proposers.blind import GridProposer, RandomProposer
from vidcl.tracks.proposers.build import build_proposer
from vidcl.tracks.proposers.select import select


def unranked(boxes: np.ndarray) -> Proposed:
    return Proposed(boxes, np.zeros(len(boxes)))


def test_selection_obeys_size_room_and_what_is_followed(still: Scene) -> None:
    candidates = np.array(
        [
            [10.0, 10, 50, 50],
            [12, 12, 52, 52],  # the same as the first
            [0, 0, 160, 120],  # too large
            [60, 60, 64, 64],  # too small
            [10, 100, 150, 115],  # too flat
            [100, 10, 140, 50],  # followed already
            [110, 20, 124, 34],  # inside what is followed
            [60, 60, 90, 90],
        ]
    )
    followed = np.array([[100.0, 10, 140, 50]])
    config = FollowConfig()
    chosen = select(unranked(candidates), followed, still, config)
    assert chosen.tolist() == [candidates[0].tolist(), candidates[7].tolist()]
    for most, count in ((2, 1), (1, 0)):
        tight = config.model_copy(update={"max_regions": most})
        assert len(select(unranked(candidates), followed, still, tight)) == count


def test_room_is_left_for_what_the_proposer_is_sure_of(still: Scene) -> None:
    corners = np.array([[x, y] for y in (5.0, 45, 85) for x in (5.0, 45, 85, 125)])
    boxes = np.concatenate([corners, corners + 30], axis=1)
    config = FollowConfig(max_regions=10)
    nothing = np.zeros((0, 4))
    for sure, followed, wanted in (
        (0, nothing, range(8)),
        (3, nothing, range(8)),
        (9, nothing, range(9)),
        (12, nothing, range(10)),
        (None, nothing, range(10)),
        (0, boxes[:7], [7]),
        (0, boxes[:8], []),
        (12, boxes[:8], [8, 9]),
        (9, boxes[:8], [8]),
    ):
        found = Proposed(boxes, np.zeros(len(boxes)), sure)
        assert select(found, followed, still, config).tolist() == boxes[list(wanted)].tolist()


def test_controls_stay_in_the_picture(still: Scene) -> None:
    for proposer in (GridProposer(), RandomProposer(np.random.default_rng(0))):
        boxes = proposer.propose(still).boxes
        assert len(boxes) > 4
        assert (boxes >= -1e-9).all()
        assert (boxes[:, [2, 3]] <= np.array([160, 120]) + 1e-9).all()


def test_candidates_may_overlap_each_other_more_than_what_is_followed(still: Scene) -> None:
    first, second = [20.0, 20, 60, 60], [37.0, 20, 77, 60]  # IoU 0.40
    config = FollowConfig()
    both = select(unranked(np.array([first, second])), np.zeros((0, 4)), still, config)
    assert both.tolist() == [first, second]
    assert len(select(unranked(np.array([second])), np.array([first]), still, config)) == 0


@pytest.mark.parametrize("name", get_args(ProposerName))
def test_every_proposer_is_built_by_its_name(name: ProposerName, still: Scene) -> None:
    config = FollowConfig(proposer=name)
    proposer = build_proposer(config, np.random.default_rng(0))
    if name in ("given", "frame"):
        assert proposer is None
        return
    assert proposer is not None
    proposer.reset()
    for _ in range(5):
        proposer.look(still)
    found = proposer.propose(still)
    assert found.boxes.shape == (len(found.scores), 4)
    assert len(found.boxes) > 4 or name == "motion"


def test_random_boxes_follow_their_generator(still: Scene) -> None:
    config = FollowConfig(proposer="random")
    first, same, other = (build_proposer(config, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first is not None
    assert same is not None
    assert other is not None
    boxes = first.propose(still).boxes
    np.testing.assert_array_equal(boxes, same.propose(still).boxes)
    assert not np.array_equal(boxes, other.propose(still).boxes)
