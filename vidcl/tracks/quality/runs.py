"""Run a tracker from true boxes: to the end of the clip, or until judgement ends the track."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from vidcl.tracks.config import FollowConfig, TrackerName
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.quality.measures import centre_distances, overlaps
from vidcl.tracks.quality.sequences import AnnotatedSequence
from vidcl.tracks.quality.truth import is_present
from vidcl.tracks.recorder import Recorder
from vidcl.tracks.regions import Region, Regions
from vidcl.tracks.track import EndReason
from vidcl.tracks.trackers.build import build_tracker


class Follower(Protocol):
    """Follows one region that began in one frame of a clip.

    Attributes:
        end_reason: why it ended.
    """

    end_reason: EndReason

    @property
    def unsure(self) -> int:
        """How many of the last boxes are not kept when it ends now."""

    def advance(self, image: np.ndarray) -> np.ndarray | None:
        """The region's box in the next frame, uint8 [H, W, 3]: float64 [4], source pixels; None
        when it has ended, after which it is not asked again."""


class FreeFollower:
    """A tracker alone: it goes on whatever happens."""

    end_reason: EndReason = "end"
    unsure = 0

    def __init__(
        self, tracker: TrackerName, working_side: int, image: np.ndarray, box: np.ndarray
    ) -> None:
        """Begin in ``image``, uint8 [H, W, 3], at ``box``, float64 [4], source pixels."""
        self._tracker = build_tracker(tracker)
        self._scene = Scene(working_side, with_flow=self._tracker.needs_flow)
        self._scene.advance(image)
        self._boxes = self._scene.to_working(box[None])
        self._tracker.add(self._scene, self._boxes)

    def advance(self, image: np.ndarray) -> np.ndarray | None:
        self._scene.advance(image)
        self._boxes = self._tracker.step(self._scene, self._boxes).boxes
        return self._scene.to_source(self._boxes)[0]


class JudgedFollower:
    """A tracker under the judgement of ``Regions``, which may end the track."""

    @property
    def unsure(self) -> int:
        return self._regions.members[0].unsure

    def __init__(self, config: FollowConfig, image: np.ndarray, box: np.ndarray) -> None:
        """Begin in ``image``, uint8 [H, W, 3], at ``box``, float64 [4], source pixels."""
        self.end_reason: EndReason = "end"
        self._regions = Regions(config)
        self._scene = Scene(config.working_side, with_flow=self._regions.needs_flow)
        self._scene.advance(image)
        recorder = Recorder("region", config.proposer, config.tracker, 0)
        self._regions.add(self._scene, self._scene.to_working(box[None]), [Region(recorder)])

    def advance(self, image: np.ndarray) -> np.ndarray | None:
        self._scene.advance(image)
        self._regions.move(self._scene)
        reasons = self._regions.ended(self._scene)
        if 0 in reasons:
            self.end_reason = reasons[0]
            return None
        self._regions.members[0].mark_kept()
        return self._scene.to_source(self._regions.boxes)[0]


@dataclass
class Run:
    """What became of one given box. The frame it was given in is not part of ``boxes`` and
    ``truth``: a box that is the truth itself says nothing.

    Attributes:
        start: index of that frame.
        target: which object of the sequence.
        first: float64 [4], the box given.
        boxes: L of float64 [4], source pixels, one per followed frame.
        truth: N >= L of float64 [4], of all frames from the next one to the end of the clip.
        end_reason: why it was not followed further.
    """

    start: int
    target: int
    first: np.ndarray
    boxes: list[np.ndarray] = field(default_factory=list)
    truth: list[np.ndarray] = field(default_factory=list)
    end_reason: EndReason = "end"

    def overlaps(self) -> np.ndarray:
        """IoU with the object in each followed frame, float64 [L], see ``measures.overlaps``."""
        return overlaps(*self._both())

    def distances(self) -> np.ndarray:
        """Pixels between the centres in each followed frame, float64 [L]."""
        return centre_distances(*self._both())

    @property
    def followed(self) -> int:
        """Followed frames in which the object was there."""
        return int(is_present(np.reshape(self.truth[: len(self.boxes)], (-1, 4))).sum())

    @property
    def possible(self) -> int:
        """Frames after the first in which the object was there, followed or not."""
        return int(is_present(np.reshape(self.truth, (-1, 4))).sum())

    def _both(self) -> tuple[np.ndarray, np.ndarray]:
        count = len(self.boxes)
        return np.reshape(self.boxes, (-1, 4)), np.reshape(self.truth[:count], (-1, 4))


def run_free(
    sequence: AnnotatedSequence,
    tracker: TrackerName,
    *,
    every: int | None = 10,
    working_side: int = 160,
) -> list[Run]:
    """Follow the true boxes of every object with a tracker alone, never restarted.

    Args:
        every: begin at every so many frames in which the object is there; None begins once, at the
            first. The first run of an object is its one-pass evaluation.
        working_side: short side of the working copy, see ``FollowConfig``.

    Returns:
        runs in order of their start; those after which the object is never there again are left
        out.

    Raises:
        VidclError: the sequence cannot be read.
    """
    return _run(sequence, lambda image, box: FreeFollower(tracker, working_side, image, box), every)


def run_judged(
    sequence: AnnotatedSequence, config: FollowConfig, *, every: int | None = 10
) -> list[Run]:
    """Follow the true boxes with ``config.tracker`` until ``Regions.ended`` says so.

    Each run is on its own: no other region can take its place. Otherwise as ``run_free``.
    """
    return _run(sequence, lambda image, box: JudgedFollower(config, image, box), every)


def _run(
    sequence: AnnotatedSequence,
    begin: Callable[[np.ndarray, np.ndarray], Follower],
    every: int | None,
) -> list[Run]:
    """All runs side by side in one pass over the frames, so that memory does not grow with them."""
    runs: list[Run] = []
    live: list[tuple[Run, Follower]] = []
    seen = np.zeros(len(sequence.truth.names), int)
    for step in sequence.steps():
        image = step.frame.image
        for run in runs:
            run.truth.append(step.truth[run.target])
        still = []
        for run, follower in live:
            box = follower.advance(image)
            if box is None:
                run.end_reason = follower.end_reason
                del run.boxes[len(run.boxes) - follower.unsure :]
                continue
            run.boxes.append(box)
            still.append((run, follower))
        live = still
        for target in np.flatnonzero(is_present(step.truth)):
            if seen[target] == 0 or (every is not None and seen[target] % every == 0):
                first = step.truth[target]
                run = Run(step.index, int(target), first)
                runs.append(run)
                live.append((run, begin(image, first)))
            seen[target] += 1
    return [run for run in runs if run.possible]
