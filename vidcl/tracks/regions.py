"""The regions followed in the current shot: begin them, move them, judge them, end them."""

from dataclasses import dataclass

import numpy as np

from vidcl.tracks.boxes import areas, clip_boxes, fits, iou
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.judgement.looks import Judge, forward_backward_score, total_score
from vidcl.tracks.judgement.support import doubtful
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.recorder import Recorder
from vidcl.tracks.track import SCORES, EndReason
from vidcl.tracks.trackers.build import build_tracker

#: Sizes and shapes may leave the limits for new regions by this factor while being followed.
SLACK = 1.5


@dataclass
class Region:
    """One followed region.

    Attributes:
        recorder: its kept steps.
        object_name: the given object it stands for, if any.
        strikes: followed frames in a row that failed a check.
        doubts: followed frames in a row in which what moves did not look like one thing.
        overlaps: followed frames in a row that it mostly covered an older region.
    """

    recorder: Recorder
    object_name: str | None = None
    strikes: int = 0
    doubts: int = 0
    overlaps: int = 0


class Regions:
    """All followed regions, older first.

    Attributes:
        members: the regions.
        boxes: float64 [N, 4], working pixels of the current frame.
        scores: name in ``SCORES`` -> float64 [N], of the current frame.
    """

    def __init__(self, config: FollowConfig) -> None:
        self._config = config
        self._tracker = build_tracker(config.tracker)
        self._judge = Judge()
        self.members: list[Region] = []
        self.boxes = np.zeros((0, 4))
        self.scores = {name: np.zeros(0) for name in SCORES}

    @property
    def needs_flow(self) -> bool:
        """Whether moving the regions takes optical flow."""
        return self._tracker.needs_flow

    def add(self, scene: Scene, boxes: np.ndarray, members: list[Region]) -> None:
        """Begin regions in the current frame."""
        if not members:
            return
        self._tracker.add(scene, boxes)
        self._judge.add(scene.picture, boxes)
        self.members += members
        self.boxes = np.concatenate([self.boxes, boxes])
        for name in SCORES:
            self.scores[name] = np.concatenate([self.scores[name], np.ones(len(boxes))])

    def move(self, scene: Scene) -> None:
        """Follow all regions into the current frame."""
        if not self.members:
            return
        moved = self._tracker.step(scene, self.boxes)
        self.boxes = moved.boxes
        self._rate(scene, moved.error)

    def place(self, scene: Scene, boxes: np.ndarray) -> None:
        """Put all regions where a file says, float64 [N, 4], working pixels."""
        if not self.members:
            return
        self.boxes = boxes
        self._rate(scene, np.zeros(len(boxes)))

    def ended(self, scene: Scene) -> dict[int, EndReason]:
        """Which regions (by index) may not go on, and why."""
        width, height = scene.size
        limits = self._config
        inside = clip_boxes(self.boxes, width, height)
        visible = areas(inside) / np.maximum(areas(self.boxes), 1e-9)
        sized = fits(
            self.boxes,
            width,
            height,
            min_side=limits.min_side / SLACK,
            max_area=min(1.0, limits.max_area * SLACK),
            max_aspect=limits.max_aspect * SLACK,
        )
        overlap = np.tril(iou(self.boxes, self.boxes), -1).max(axis=1, initial=0.0)
        doubts = np.zeros(len(self.boxes), bool)
        if limits.proposer == "motion" and scene.backward is not None:
            doubts = doubtful(scene, self.boxes)
        reasons: dict[int, EndReason] = {}
        for k, region in enumerate(self.members):
            failed = (
                self.scores["forward_backward"][k] < 0.5
                or self.scores["appearance"][k] < limits.min_appearance
            )
            region.doubts = region.doubts + 1 if doubts[k] else 0
            region.strikes = region.strikes + 1 if failed else 0
            region.overlaps = region.overlaps + 1 if overlap[k] > limits.max_overlap else 0
            if visible[k] < limits.min_visible:
                reasons[k] = "border"
            elif not sized[k]:
                reasons[k] = "size"
            elif max(region.strikes, region.doubts) >= limits.patience:
                reasons[k] = "lost"
            elif region.overlaps >= limits.patience:
                reasons[k] = "overlap"
        return reasons

    def remove(self, indices: set[int]) -> list[Region]:
        """Take regions out and return them."""
        out = [self.members[k] for k in sorted(indices)]
        rows = np.array([k for k in range(len(self.members)) if k not in indices], dtype=np.int64)
        self.members = [self.members[k] for k in rows]
        self.boxes = self.boxes[rows]
        self._tracker.keep(rows)
        self._judge.keep(rows)
        for name in SCORES:
            self.scores[name] = self.scores[name][rows]
        return out

    def _rate(self, scene: Scene, error: np.ndarray) -> None:
        appearance, blur = self._judge.score(scene.picture, self.boxes)
        agreement = forward_backward_score(error, self._config.max_fb_error)
        self.scores = {
            "forward_backward": agreement,
            "appearance": appearance,
            "blur": blur,
            "total": total_score(agreement, appearance, blur),
        }
