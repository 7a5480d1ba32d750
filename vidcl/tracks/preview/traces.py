"""One region in every followed frame, and which stored track it is."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vidcl.tracks.track import EndReason, Track


@dataclass(frozen=True)
class Stored:
    """What is remembered of a region track that an extraction stores: all but its crops.

    Attributes:
        track: without crops.
        change: of look, see ``look_change``.
    """

    track: Track
    change: float


@dataclass(frozen=True)
class Trace:
    """One region through the followed frames of a segment.

    Attributes:
        frames: int64 [T], increasing indices of the followed frames.
        boxes: float32 [T, 4], xyxy in source pixels.
        scores: float32 [T], the total score in [0, 1].
        crop_boxes: float32 [T, 4], source pixels; not a number where no crop is kept.
        end_reason: why it ended.
        stored: the track it is stored as; None where it is dropped as too short.
        number: the stored track's, from 1 in order of its first frame; see ``numbered``.
    """

    frames: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    crop_boxes: np.ndarray
    end_reason: EndReason
    stored: Stored | None
    number: int | None = None

    @property
    def kept(self) -> np.ndarray:
        """bool [T], the steps with a kept crop."""
        return np.isfinite(self.crop_boxes[:, 0])


def join(
    stored: Sequence[Stored], followed: Sequence[Track], times: np.ndarray, max_kept: int
) -> list[Trace]:
    """Say which stored track is which part of which followed region.

    A stored track belongs to the region that has its boxes at its times; of regions alike in this,
    each gets one. A stored track that no region contains is a trace of its kept steps alone.

    Args:
        stored: as the extraction stores them.
        followed: the same regions with a step in every followed frame.
        times: float32 [F], of the followed frames.
        max_kept: a stored track of so many steps was cut off, and its region went on without it.
    """
    owners: list[list[Stored]] = [[] for _ in followed]
    alone: list[Stored] = []
    for item in sorted(stored, key=lambda item: float(item.track.times[0])):
        owner = next(
            (
                own
                for own, region in zip(owners, followed, strict=True)
                if _contains(region, item.track)
                and not (own and own[-1].track.times[-1] >= item.track.times[0])
            ),
            None,
        )
        (alone if owner is None else owner).append(item)
    traces = [_trace(item.track, slice(None), item, times) for item in alone]
    for region, own in zip(followed, owners, strict=True):
        begin = 0
        for item in own:
            end = len(region)
            if item is not own[-1] or len(item.track) >= max_kept:
                end = int(np.searchsorted(region.times, item.track.times[-1])) + 1
            traces.append(_trace(region, slice(begin, end), item, times))
            begin = end
        if begin < len(region):
            traces.append(_trace(region, slice(begin, None), None, times))
    return sorted(traces, key=lambda trace: int(trace.frames[0]))


def numbered(traces: Sequence[Trace], first: int) -> list[Trace]:
    """The same traces; those that are stored have numbers, from ``first`` on."""
    count = itertools.count(first)
    return [
        trace if trace.stored is None else replace(trace, number=next(count)) for trace in traces
    ]


def _contains(region: Track, part: Track) -> bool:
    steps = np.searchsorted(region.times, part.times)
    return bool(
        (steps < len(region)).all()
        and (region.times[steps] == part.times).all()
        and (region.boxes[steps] == part.boxes).all()
        and region.label == part.label
    )


def _trace(region: Track, part: slice, item: Stored | None, times: np.ndarray) -> Trace:
    at = region.times[part]
    crop_boxes = np.full((len(at), 4), np.nan, np.float32)
    if item is not None:
        crop_boxes[np.isin(at, item.track.times)] = item.track.crop_boxes
    return Trace(
        frames=np.searchsorted(times, at),
        boxes=region.boxes[part],
        scores=region.scores["total"][part],
        crop_boxes=crop_boxes,
        end_reason=region.end_reason if item is None else item.track.end_reason,
        stored=item,
    )
