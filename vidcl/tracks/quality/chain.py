"""Run proposer, tracker and judgement together, as an extraction does, and match to the truth."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vidcl.errors import VidclError
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.crops import Crop
from vidcl.tracks.follow import follow
from vidcl.tracks.given import GivenBoxes
from vidcl.tracks.quality.measures import ON_OBJECT, overlaps, purity, same_object_pairs
from vidcl.tracks.quality.sequences import AnnotatedSequence, Step, thin
from vidcl.tracks.quality.summary import Sums
from vidcl.tracks.quality.truth import TruthTimes, is_present
from vidcl.tracks.track import EndReason, Track
from vidcl.video.frames import Frame


@dataclass(frozen=True)
class ChainTrack:
    """One region that the chain began, with what it lay on.

    Attributes:
        times: float64 [T], seconds.
        overlaps: IoU with each of K objects, float64 [T, K]; NaN where nobody knows.
        end_reason: why it ended.
        kept: whether it lasted long enough for an extraction to keep it.
    """

    times: np.ndarray
    overlaps: np.ndarray
    end_reason: EndReason
    kept: bool

    @property
    def target(self) -> int | None:
        """The object it started on: the one its first box overlaps most, if by IoU >= 0.5."""
        first = np.nan_to_num(self.overlaps[0], nan=0.0)
        if not len(first) or first.max() < ON_OBJECT:
            return None
        return int(first.argmax())


@dataclass(frozen=True)
class ChainRun:
    """All regions of one stretch of frames.

    Attributes:
        tracks: of all regions begun, kept or not.
        seconds: float64 [K], how long each object was there.
    """

    tracks: tuple[ChainTrack, ...]
    seconds: np.ndarray


def run_chain(
    sequence: AnnotatedSequence,
    config: FollowConfig,
    *,
    every: int | None = None,
    seed: int = 0,
) -> list[ChainRun]:
    """Propose, follow and judge at ``config.follow_rate``.

    Boxes are recorded at the follow rate, not thinned to the keep rate: it is the same tracks with
    more boxes to count. A track is kept if it lasts as long as ``config.min_kept`` crops at the
    keep rate do.

    Args:
        config: its ``proposer`` may be ``given`` if the sequence's truth has times.
        every: run again from every so many frames in which some object is there, each time to the
            end; starts that leave too little to keep anything are left out. None runs once, from
            the first frame.
        seed: of the random proposer.

    Raises:
        VidclError: the sequence cannot be read, or it has no boxes for the proposer ``given``.
    """
    starts = [0] if every is None else _starts(sequence, config, every)
    runs = []
    for number, start in enumerate(starts):
        # annotated clips are short: decoding again is cheaper than holding them in memory
        steps = itertools.islice(sequence.steps(), start, None)
        runs.append(_run(sequence, steps, config, seed + number))
    return runs


def kept_seconds(config: FollowConfig) -> float:
    """Seconds between the first and the last crop of the shortest track that is kept."""
    rate = config.keep_rate or config.follow_rate
    return 0.0 if rate is None else (config.min_kept - 1) / rate


def chain_sums(
    runs: Sequence[ChainRun], config: FollowConfig, gap: tuple[float, float] = (0.0, 3.0)
) -> Sums:
    """Numbers of one sequence, as sums with weights (``vidcl.tracks.quality.summary``).

    ``recall``: objects on which a region began, over objects that were there long enough to be
    kept. ``coverage``: the same, of kept tracks. ``on_object``: kept tracks that began on an
    object, over kept tracks. ``purity``: of the boxes after the first of kept tracks that began on
    an object, the share on that object; ``track_purity``: the same per track, then over tracks.
    ``kept_boxes`` and ``kept_seconds``: length of those tracks. ``pairs``: over kept tracks, the
    mean share of a track's pairs ``gap[0]`` to ``gap[1]`` seconds apart that hold one object twice.
    ``regions``: regions begun over runs.

    Tracks that begin where nobody knows count in ``regions`` alone.
    """
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in CHAIN_MEASURES}
    for run in runs:
        rows["regions"].append((len(run.tracks), 1))
        begun = {track.target for track in run.tracks}
        kept = {track.target for track in run.tracks if track.kept}
        for target in np.flatnonzero(run.seconds > kept_seconds(config)):
            rows["recall"].append((target in begun, 1))
            rows["coverage"].append((target in kept, 1))
        for track in run.tracks:
            if track.kept and np.isfinite(track.overlaps[0]).all():
                _count_track(track, gap, rows)
    return {
        name: (float(sum(r[0] for r in found)), float(sum(r[1] for r in found)))
        for name, found in rows.items()
    }


#: The measures of ``chain_sums``.
CHAIN_MEASURES = (
    "recall",
    "coverage",
    "on_object",
    "purity",
    "track_purity",
    "kept_boxes",
    "kept_seconds",
    "pairs",
    "regions",
)


def _count_track(
    track: ChainTrack, gap: tuple[float, float], rows: dict[str, list[tuple[float, float]]]
) -> None:
    pairs, same = same_object_pairs(track.times, track.overlaps, gap)
    if pairs:
        rows["pairs"].append((same / pairs, 1))
    rows["on_object"].append((track.target is not None, 1))
    if track.target is None:
        return
    rows["kept_boxes"].append((len(track.times), 1))
    rows["kept_seconds"].append((track.times[-1] - track.times[0], 1))
    later = track.overlaps[1:, track.target]
    later = later[np.isfinite(later)]
    rows["purity"].append((float((later >= ON_OBJECT).sum()), len(later)))
    if len(later):
        rows["track_purity"].append((purity(later), 1))


def _run(
    sequence: AnnotatedSequence, steps: Iterable[Step], config: FollowConfig, seed: int
) -> ChainRun:
    truths: dict[float, np.ndarray] = {}

    def frames() -> Iterator[Frame]:
        for step in thin(steps, config.follow_rate):
            truths[float(np.float32(step.frame.time))] = step.truth  # as tracks store times
            yield step.frame

    everything = config.model_copy(update={"keep_rate": None, "min_kept": 1, "max_kept": 2**31})
    tracks = follow(
        frames(),
        everything,
        _no_crop,
        given=_given(sequence, config),
        seed=seed,
        whole_frames=False,
    )
    shortest = kept_seconds(config) - 1e-3
    found = tuple(_match(track, truths, shortest, config.min_kept) for track in tracks)
    truth = np.stack(list(truths.values())) if truths else np.zeros((0, 0, 4))
    times = np.array(sorted(truths))
    step_seconds = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    present = is_present(truth).sum(axis=0) * step_seconds
    return ChainRun(found, present)


def _match(
    track: Track, truths: dict[float, np.ndarray], shortest: float, min_kept: int
) -> ChainTrack:
    times = track.times.astype(np.float64)
    truth = np.stack([truths[float(time)] for time in track.times])
    boxes = track.boxes.astype(np.float64)
    columns = [overlaps(boxes, truth[:, k]) for k in range(truth.shape[1])]
    table = np.stack(columns, axis=1) if columns else np.zeros((len(times), 0))
    kept = bool(times[-1] - times[0] >= shortest) and len(times) >= min_kept
    return ChainTrack(times, table, track.end_reason, kept)


def _starts(sequence: AnnotatedSequence, config: FollowConfig, every: int) -> list[int]:
    present, times = [], []
    for step in sequence.steps():
        times.append(step.frame.time)
        if is_present(step.truth).any():
            present.append(step.index)
    needed = kept_seconds(config)
    return [start for start in present[::every] if times[-1] - times[start] > needed]


def _given(sequence: AnnotatedSequence, config: FollowConfig) -> GivenBoxes | None:
    if config.proposer != "given":
        return None
    if not isinstance(sequence.truth, TruthTimes):
        raise VidclError(
            f"{sequence.name}: the proposer 'given' needs boxes with times (boxes/NAME.json); "
            "choose another proposer."
        )
    return sequence.truth.given


def _no_crop(image: np.ndarray, box: np.ndarray) -> Crop:
    width, height = np.maximum(np.round(box[2:] - box[:2]), 1).astype(int)
    return Crop(b"", box.astype(np.float32), int(width), int(height))
