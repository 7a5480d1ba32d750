"""What moves, and what looks like an object."""

from dataclasses import replace

import numpy as np

from vidcl.tracks.config import FollowConfig
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.base import Proposed
from vidcl.tracks.proposers.motion import SIGHTINGS, MotionProposer
from vidcl.tracks.proposers.objectness import EdgeBoxesProposer, allowed, best
from vidcl.tracks.proposers.parts import moving_parts
from vidcl.tracks.proposers.ranking import moving_support

#: Of the score of a box not yet seen to move steadily, so much is its agreement with what moves;
#: the rest is how much it looks like an object.
SUPPORT = 0.6
#: So much does a part of the foreground look like an object, whatever is in it.
PART_LOOKS = 0.5


class CombinedProposer:
    """Moving things first, filled up with boxes that look like objects.

    Scores have one scale. What was seen to move in several frames has 0.5 to 1. Below come the
    boxes of Edge Boxes and the parts of the foreground that may be gone in the next frame: first
    those that agree with what moves, though it may be too ragged to be a region by itself; in a
    shot that stands still only looks count. Only what moves is sure of its place: something else
    may start to move later, and then needs room.

    Motion takes a few frames to be believed. Until then a shot gets no boxes, or those that look
    like objects would take all the room.
    """

    needs_flow = True

    def __init__(self, limits: FollowConfig) -> None:
        self._limits = limits
        self._motion = MotionProposer()
        self._objects = EdgeBoxesProposer(limits)
        self.reset()

    def reset(self) -> None:
        self._motion.reset()
        self._objects.reset()
        self._looks = 0

    def look(self, scene: Scene) -> None:
        self._motion.look(scene)
        self._objects.look(scene)
        self._looks += 1

    def propose(self, scene: Scene) -> Proposed:
        moving = self._motion.propose(scene)
        chosen = allowed(moving.boxes, scene, self._limits)
        boxes, scores = [moving.boxes[chosen]], [0.5 + 0.5 * moving.scores[chosen]]
        # the first frame of a shot has no motion
        if self._looks > SIGHTINGS and self._objects.is_due():
            likely = self._likely(scene)
            boxes.append(likely.boxes)
            scores.append(0.5 * likely.scores)
        found = best(Proposed(np.concatenate(boxes), np.concatenate(scores)))
        return replace(found, sure=int((found.scores > 0.5).sum()))

    def _likely(self, scene: Scene) -> Proposed:
        """Boxes that look like objects or move now, by looks and motion; in no order."""
        objects = self._objects.candidates(scene)
        parts, _ = moving_parts(scene)
        parts = parts[allowed(parts, scene, self._limits)]
        boxes = np.concatenate([objects.boxes, parts])
        looks = np.concatenate([objects.scores, np.full(len(parts), PART_LOOKS)])
        support = moving_support(scene, boxes)
        return Proposed(boxes, SUPPORT * support + (1 - SUPPORT) * looks)
