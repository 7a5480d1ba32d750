"""One video in, its overlay and the facts about its tracks out."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from vidcl.errors import VidclError
from vidcl.progress import Progress
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.plan import Segment
from vidcl.tracks.given import GivenBoxes
from vidcl.tracks.preview.facts import Facts
from vidcl.tracks.preview.follower import Follower, Piece
from vidcl.tracks.preview.layout import plan_layout
from vidcl.tracks.preview.painter import Painter
from vidcl.tracks.preview.pieces import plan_segments
from vidcl.tracks.preview.traces import numbered
from vidcl.video.info import VideoInfo
from vidcl.video.probe import probe
from vidcl.video.writer import write_video

#: Seconds for which the reason of an end stays on screen.
LINGER = 1.0
#: Pairs of crops below the frame, at most.
MOST_PAIRS = 16
#: Every frame is decoded so often: as the extraction does, to see every box, to draw.
_PASSES = 3


def write_preview(
    video: str | Path,
    out: str | Path,
    config: ExtractConfig,
    *,
    start: float | None = None,
    end: float | None = None,
    given: GivenBoxes | None = None,
    progress: Progress | None = None,
) -> Facts:
    """Follow a video as ``vidcl extract`` does and write an overlay of what it would store.

    The overlay has every followed frame, at a constant rate: boxes with number and score, a thick
    line and a corner mark where a crop is kept, thin grey boxes for regions too short to be
    stored, the reason where a track ended, shots, and the first and newest crop of every track.
    One segment is in memory at a time, and of it no pixels.

    Args:
        video: the file.
        out: the MP4 file, written whole or not at all; its folder is made.
        config: of the extraction.
        start, end: seconds as the file counts them; only frames with ``start <= time < end``.
        given: boxes for the proposer ``given``.
        progress: called with (done, total) frames; the total is an estimate until the end.

    Raises:
        VidclError: the video cannot be opened, there is no frame in that time, or ``out`` cannot
            be written.
    """
    info = probe(video)
    segments = plan_segments(Path(video), config, start, end)
    follower = Follower(Path(video), config, given)
    count = _Count(progress, _expected(info, follower.rates.rate, start, end))
    follower = replace(follower, tick=count.tick)
    facts = Facts()
    pieces = _pieces(follower, segments, facts)
    first = next(pieces, None)
    if first is None:
        fault = facts.notes[0] if facts.notes else "give another --start or --end."
        raise VidclError(f"{video}: there is no frame in the time asked for: {fault}")
    rate = _rate(first, config, info)
    linger = max(1, round(LINGER * rate))
    regions = 0 if config.follow.proposer == "frame" else config.follow.max_regions
    layout = plan_layout(*first.frame_size, slots=min(regions, MOST_PAIRS))
    painter = Painter(Path(video).name, layout, (info.width, info.height), linger)
    pictures = _pictures(follower, painter, chain([first], pieces), facts, linger)
    try:
        write_video(out, pictures, rate=rate)
    except OSError as error:
        raise VidclError(
            f"Cannot write {out} ({error.strerror or error}): name another file, or make room."
        ) from error
    count.finish(facts.frames)
    return facts


def _pieces(follower: Follower, segments: list[Segment], facts: Facts) -> Iterator[Piece]:
    """The segments that have frames, followed, their tracks numbered through the video."""
    for segment in segments:
        piece = follower(segment)
        if len(piece.times):
            piece.traces = numbered(piece.traces, first=len(facts.tracks) + 1)
            yield piece
        elif piece.fault is not None:
            facts.notes.append(str(piece.fault))


def _pictures(
    follower: Follower, painter: Painter, pieces: Iterator[Piece], facts: Facts, linger: int
) -> Iterator[np.ndarray]:
    """All pictures of the overlay; the last one stays a while, for the reasons in it."""
    picture: np.ndarray | None = None
    for piece in pieces:
        first_shot = len(facts.shots)
        facts.add(piece)
        with follower.open() as reader:
            for picture in painter(follower.frames(reader, piece.segment), piece, first_shot):
                yield picture
    if picture is not None:
        for _ in range(linger):
            yield picture


def _rate(piece: Piece, config: ExtractConfig, info: VideoInfo) -> float:
    """Pictures per second of the overlay: of the followed frames on average, 1 to 120."""
    if len(piece.times) > 1:
        rate = (len(piece.times) - 1) / float(piece.times[-1] - piece.times[0])
    else:
        rate = config.follow.follow_rate or info.rate or 12.0
    return min(max(rate, 1.0), 120.0)


def _expected(info: VideoInfo, rate: float | None, start: float | None, end: float | None) -> int:
    """About how many frames will be followed; 0 where the file does not say how long it is."""
    if info.duration is None:
        return 0
    first = max(info.start, info.start if start is None else start)
    last = min(info.start + info.duration, math.inf if end is None else end)
    rates = [value for value in (rate, info.rate) if value is not None]
    return max(0, round((last - first) * min(rates, default=25.0)))


class _Count:
    """Turns decoded frames into progress: every frame is decoded ``_PASSES`` times."""

    def __init__(self, progress: Progress | None, expected: int) -> None:
        self._progress = progress
        self._expected = expected
        self._decoded = 0

    def tick(self) -> None:
        self._decoded += 1
        done = self._decoded // _PASSES
        if self._progress is not None:
            self._progress(done, max(self._expected, done))

    def finish(self, frames: int) -> None:
        if self._progress is not None:
            self._progress(frames, frames)
