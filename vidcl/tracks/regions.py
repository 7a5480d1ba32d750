"""The regions followed in the current shot: begin them, move them, judge them, end them."""

from dataclasses import dataclass, field

import numpy as np

from vidcl.tracks.boxes import areas, clip_boxes, fits, iou
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.judgement.judge import Judge, forward_backward_score
from vidcl.tracks.judgement.support import is_mixed, is_still
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.recorder import Recorder
from vidcl.tracks.track import SCORES, EndReason, Track
from vidcl.tracks.trackers.build import build_tracker
from vidcl.tracks.trackers.linking import EmbedRegions

#: Sizes and shapes may leave the limits for new regions by this factor while being followed.
SLACK = 1.5
#: A region found because it moved may stand still for so many times the patience.
STILL = 6
#: A box that is less than so much inside the picture when it is lost was lost at the border.
WHOLE = 0.9


@dataclass
class Region:
    """One followed region.

    Attributes:
        recorder: its kept steps.
        object_name: the given object it stands for, if any.
        moves: whether it was found because it moved; it should then go on to be one moving thing.
        faults: end reason -> followed frames in a row that spoke for it.
        unsure: kept steps at the end of the record that were kept while there was a fault.
    """

    recorder: Recorder
    object_name: str | None = None
    moves: bool = False
    faults: dict[EndReason, int] = field(default_factory=dict)
    unsure: int = 0

    def note(self, reason: EndReason, is_so: bool) -> int:
        """Count followed frames in a row with a fault."""
        self.faults[reason] = self.faults.get(reason, 0) + 1 if is_so else 0
        return self.faults[reason]

    def mark_kept(self) -> None:
        """A step was kept; while there is a fault it is not yet believed."""
        self.unsure = self.unsure + 1 if any(self.faults.values()) else 0

    def finish(self, reason: EndReason) -> Track:
        """The track without the steps that led to its end."""
        self.recorder.drop_last(self.unsure)
        self.unsure = 0
        return self.recorder.finish(reason)


class Regions:
    """All followed regions, older first.

    Attributes:
        members: the regions.
        boxes: float64 [N, 4], working pixels of the current frame.
        scores: name in ``SCORES`` -> float64 [N], of the current frame.
    """

    def __init__(self, config: FollowConfig, embed_regions: EmbedRegions | None = None) -> None:
        self._config = config
        self._tracker = build_tracker(config.tracker, embed_regions)
        self._judge = Judge()
        self.members: list[Region] = []
        self.boxes = np.zeros((0, 4))
        self.scores = {name: np.zeros(0) for name in SCORES}
        self._confidence = np.zeros(0)

    @property
    def needs_flow(self) -> bool:
        """Whether moving the regions takes optical flow."""
        return self._tracker.needs_flow

    def add(self, scene: Scene, boxes: np.ndarray, members: list[Region]) -> None:
        """Begin regions in the current frame."""
        if not members:
            return
        self._tracker.add(scene, boxes)
        if self._config.proposer in ("motion", "combined") and scene.backward is not None:
            for member, still in zip(members, is_still(scene, boxes), strict=True):
                member.moves = not still
        self._judge.add(scene, boxes)
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
        self._confidence = moved.confidence

    def place(self, scene: Scene, boxes: np.ndarray) -> None:
        """Put all regions where a file says, float64 [N, 4], working pixels."""
        if not self.members:
            return
        self.boxes = boxes
        self._rate(scene, np.zeros(len(boxes)))
        self._confidence = np.ones(len(boxes))

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
        count = len(self.boxes)
        mixed, still = np.zeros(count, bool), np.zeros(count, bool)
        moves = np.array([region.moves for region in self.members])
        if moves.any() and scene.backward is not None:
            mixed = moves & is_mixed(scene, self.boxes)
            still = moves & is_still(scene, self.boxes)
        unlike = (
            (self.scores["forward_backward"] < 0.5)
            | (self.scores["total"] < limits.min_confidence)
            | (self._confidence <= 0)
        )
        reasons: dict[int, EndReason] = {}
        for k, region in enumerate(self.members):
            faults: list[tuple[EndReason, bool, int]] = [
                ("lost", bool(unlike[k]), limits.patience),
                ("mixed", bool(mixed[k]), limits.patience),
                ("overlap", bool(overlap[k] > limits.max_overlap), limits.patience),
                ("still", bool(still[k]), STILL * limits.patience),
            ]
            if visible[k] < limits.min_visible:
                reasons[k] = "border"
            elif not sized[k]:
                reasons[k] = "size"
            for reason, is_so, patience in faults:
                if region.note(reason, is_so) >= patience:
                    leaves = reason == "lost" and visible[k] < WHOLE
                    reasons.setdefault(k, "border" if leaves else reason)
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
        agreement = forward_backward_score(error, self._config.max_fb_error)
        self.scores = {
            "forward_backward": agreement,
            **self._judge.score(scene, self.boxes, error),
        }
