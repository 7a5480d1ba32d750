"""Which boxes are started; controls."""

import numpy as np

from vidcl.tracks.config import FollowConfig
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.blind import GridProposer, RandomProposer
from vidcl.tracks.proposers.select import select


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
    chosen = select(candidates, followed, still, config)
    assert chosen.tolist() == [candidates[0].tolist(), candidates[7].tolist()]
    assert (
        len(select(candidates, followed, still, config.model_copy(update={"max_regions": 2}))) == 1
    )
    assert (
        len(select(candidates, followed, still, config.model_copy(update={"max_regions": 1}))) == 0
    )


def test_controls_stay_in_the_picture(still: Scene) -> None:
    for proposer in (GridProposer(), RandomProposer(np.random.default_rng(0))):
        boxes = proposer.propose(still).boxes
        assert len(boxes) > 4
        assert (boxes >= -1e-9).all()
        assert (boxes[:, [2, 3]] <= np.array([160, 120]) + 1e-9).all()
