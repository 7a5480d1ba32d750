"""How long trackers take per region and frame, side by side on the same frames."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidcl.errors import VidclError
from vidcl.progress import Progress
from vidcl.tracks.boxes import centres_sizes, from_centres
from vidcl.tracks.config import TrackerName
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.quality.sequences import AnnotatedSequence
from vidcl.tracks.quality.truth import is_present
from vidcl.tracks.trackers.build import build_tracker

#: Frames that every tracker is timed on at least, whatever its budget.
MIN_FRAMES = 3


@dataclass
class Timing:
    """Processor time of one tracker on one sequence.

    Attributes:
        frames: timed.
        seconds: they took in all: resize, flow and foreground where the tracker wants them, and its
            own step; not decoding, and not the frame in which the regions begin.
    """

    frames: int = 0
    seconds: float = 0.0

    @property
    def milliseconds(self) -> float:
        """Per frame, with all regions."""
        return 1e3 * self.seconds / max(self.frames, 1)


def time_trackers(
    sequence: AnnotatedSequence,
    trackers: Sequence[TrackerName],
    regions: int,
    *,
    budget: float,
    generator: np.random.Generator,
    working_side: int = 160,
) -> dict[TrackerName, Timing]:
    """Time trackers on one sequence, frame by frame in turns, so that all meet the same noise.

    Args:
        regions: the first true box, and copies of it at random places in the picture.
        budget: seconds of processor time after which a tracker is no longer timed (but on
            ``MIN_FRAMES`` frames at least); a slow one is timed on fewer frames.
        generator: the random places.

    Raises:
        VidclError: the sequence cannot be read or has no box.
    """
    timings = {name: Timing() for name in trackers}
    live: dict[TrackerName, _Timed] = {}
    for step in sequence.steps():
        if not live:
            present = np.flatnonzero(is_present(step.truth))
            if len(present):
                height, width = step.frame.image.shape[:2]
                boxes = with_copies(step.truth[present[0]], regions, width, height, generator)
                live = {
                    name: _Timed(name, working_side, step.frame.image, boxes) for name in trackers
                }
            continue
        for name in list(live):
            timing = timings[name]
            timing.seconds += live[name].step(step.frame.image)
            timing.frames += 1
            if timing.seconds > budget and timing.frames >= MIN_FRAMES:
                del live[name]
        if not live:
            break
    if not all(timing.frames for timing in timings.values()):
        raise VidclError(f"{sequence.name} has too few frames with a true box to time trackers.")
    return timings


def compare_times(
    sequences: Sequence[AnnotatedSequence],
    trackers: Sequence[TrackerName],
    reference: TrackerName,
    regions: int,
    *,
    budget: float,
    seed: int = 0,
    working_side: int = 160,
    progress: Progress | None = None,
) -> dict[TrackerName, dict[str, float]]:
    """``time_trackers`` on several sequences, each of which counts the same.

    Args:
        reference: timed along, for the ratio.
        progress: called with (sequences done, sequences in all).

    Returns:
        tracker -> ``milliseconds`` per frame, ``rate`` (region-frames per second), ``speedup`` (how
        many times as fast as the reference) and ``frames`` timed.
    """
    names = list(dict.fromkeys([*trackers, reference]))
    rows: dict[TrackerName, list[Timing]] = {name: [] for name in names}
    for done, sequence in enumerate(sequences, 1):
        timings = time_trackers(
            sequence,
            names,
            regions,
            budget=budget,
            generator=np.random.default_rng([seed, done]),
            working_side=working_side,
        )
        for name, timing in timings.items():
            rows[name].append(timing)
        if progress:
            progress(done, len(sequences))
    means = {name: float(np.mean([t.milliseconds for t in rows[name]])) for name in names}
    return {
        name: {
            "milliseconds": means[name],
            "rate": 1e3 * regions / means[name],
            "speedup": means[reference] / means[name],
            "frames": sum(timing.frames for timing in rows[name]),
        }
        for name in trackers
    }


def with_copies(
    box: np.ndarray, count: int, width: float, height: float, generator: np.random.Generator
) -> np.ndarray:
    """``box`` float64 [4], and copies of it at random places inside a picture, [count, 4]."""
    _, sizes = centres_sizes(box[None])
    half = np.minimum(sizes, [width, height]) / 2
    room = np.array([width, height]) - 2 * half
    centres = half + generator.random((count - 1, 2)) * room
    return np.concatenate([box[None], from_centres(centres, np.repeat(sizes, count - 1, axis=0))])


class _Timed:
    """One tracker on its way through a sequence."""

    def __init__(
        self, name: TrackerName, working_side: int, image: np.ndarray, boxes: np.ndarray
    ) -> None:
        self._tracker = build_tracker(name)
        self._scene = Scene(working_side, with_flow=self._tracker.needs_flow)
        self._scene.advance(image)
        self._boxes = self._scene.to_working(boxes)
        self._tracker.add(self._scene, self._boxes)

    def step(self, image: np.ndarray) -> float:
        """Follow into the next frame; the seconds of processor time it took."""
        started = time.process_time()
        self._scene.advance(image)
        self._boxes = self._tracker.step(self._scene, self._boxes).boxes
        return time.process_time() - started
