"""What judgement sees of regions that nobody ends, and what it would have kept of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vidcl.tracks.config import FollowConfig
from vidcl.tracks.judgement.confidence import FEATURES
from vidcl.tracks.judgement.judge import Judge
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.quality.measures import ON_OBJECT
from vidcl.tracks.quality.runs import Run
from vidcl.tracks.quality.sequences import AnnotatedSequence
from vidcl.tracks.quality.summary import Sums, kept_sums
from vidcl.tracks.quality.truth import is_present
from vidcl.tracks.trackers.build import build_tracker

#: (index of a frame, frames before it in which the object was there) -> is the object given here?
Start = Callable[[int, int], bool]


@dataclass
class Trace:
    """One region followed to the end of its clip.

    Attributes:
        sequence: its name.
        run: boxes and truth.
        evidence: L of float64 [5], one per followed frame, see ``confidence.features``.
    """

    sequence: str
    run: Run
    evidence: list[np.ndarray] = field(default_factory=list)

    def table(self) -> np.ndarray:
        """The evidence as float64 [L, 5]."""
        return np.reshape(self.evidence, (-1, len(FEATURES)))


class WatchedFollower:
    """A tracker alone, and a judge that watches it."""

    def __init__(self, config: FollowConfig, image: np.ndarray, box: np.ndarray) -> None:
        """Begin in ``image``, uint8 [H, W, 3], at ``box``, float64 [4], source pixels."""
        self._tracker = build_tracker(config.tracker)
        self._judge = Judge()
        self._scene = Scene(config.working_side, with_flow=self._tracker.needs_flow)
        self._scene.advance(image)
        self._boxes = self._scene.to_working(box[None])
        self._tracker.add(self._scene, self._boxes)
        self._judge.add(self._scene, self._boxes)

    def advance(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The box in the next frame, float64 [4], source pixels, and its evidence, float64 [5]."""
        self._scene.advance(image)
        moved = self._tracker.step(self._scene, self._boxes)
        self._boxes = moved.boxes
        evidence = self._judge.evidence(self._scene, moved.boxes, moved.error)
        return self._scene.to_source(moved.boxes)[0], evidence[0]


def follow_unjudged(sequence: AnnotatedSequence, config: FollowConfig, start: Start) -> list[Trace]:
    """Follow the true boxes of every object with ``config.tracker``, never ended or restarted.

    Returns:
        traces in order of their start; those after which the object is never there again are left
        out.

    Raises:
        VidclError: the sequence cannot be read.
    """
    live: list[tuple[Trace, WatchedFollower]] = []
    seen = np.zeros(len(sequence.truth.names), int)
    for step in sequence.steps():
        for trace, follower in live:
            box, evidence = follower.advance(step.frame.image)
            trace.run.boxes.append(box)
            trace.run.truth.append(step.truth[trace.run.target])
            trace.evidence.append(evidence)
        for target in np.flatnonzero(is_present(step.truth)):
            if start(step.index, int(seen[target])):
                first = step.truth[target]
                trace = Trace(sequence.name, Run(step.index, int(target), first))
                live.append((trace, WatchedFollower(config, step.frame.image, first)))
            seen[target] += 1
    return [trace for trace, _ in live if trace.run.possible]


def pooled(traces: Iterable[Trace]) -> tuple[np.ndarray, np.ndarray]:
    """Evidence float64 [T, 5] and whether the box is on its object, bool [T], of all frames whose
    truth is known."""
    evidence, values = [np.zeros((0, len(FEATURES)))], [np.zeros(0)]
    for trace in traces:
        evidence.append(trace.table())
        values.append(trace.run.overlaps())
    overlaps = np.concatenate(values)
    known = np.isfinite(overlaps)
    return np.concatenate(evidence)[known], overlaps[known] >= ON_OBJECT


def kept_length(scores: np.ndarray, threshold: float, patience: int) -> int:
    """Frames kept of a track of scores [T]: those before the first ``patience`` in a row below the
    threshold. As in an extraction, faults that reach the end of the clip are dropped as well."""
    faults = 0
    for count, score in enumerate(scores, 1):
        faults = faults + 1 if score < threshold else 0
        if faults >= patience:
            return count - faults
    return len(scores) - faults


def kept_of(
    traces: Sequence[Trace], scores: Sequence[np.ndarray], threshold: float, patience: int
) -> dict[str, Sums]:
    """Sequence -> ``kept_sums`` of what is left of its traces.

    Args:
        scores: per trace [L], higher where the box is believed more.
    """
    runs: dict[str, list[Run]] = {}
    for trace, values in zip(traces, scores, strict=True):
        boxes = trace.run.boxes[: kept_length(values, threshold, patience)]
        runs.setdefault(trace.sequence, []).append(replace(trace.run, boxes=boxes))
    return {name: kept_sums(rows) for name, rows in runs.items()}


def half_kept(traces: Sequence[Trace], scores: Sequence[np.ndarray], patience: int) -> float:
    """The lowest of the scores that, as a threshold, keeps no more than half of the frames, and
    the highest one if none does."""
    levels = np.unique(np.concatenate(list(scores)))
    low, high = 0, len(levels) - 1
    while low < high:  # a higher threshold never keeps more
        middle = (low + high) // 2
        sums = kept_of(traces, scores, levels[middle], patience).values()
        if sum(row["kept_share"][0] for row in sums) > 0.5 * sum(
            row["kept_share"][1] for row in sums
        ):
            low = middle + 1
        else:
            high = middle
    return float(levels[low])
