"""Cut videos into segments: the pieces that are extracted, failed and tried again on their own."""

from dataclasses import dataclass

from vidcl.tracks.extraction.split import SplitRule

#: A container that claims to be longer than this (seconds) is not believed, and read in one piece.
_LONGEST = 7 * 86400.0

#: (time of the first frame, duration) in seconds of a file; None where it does not say.
Span = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of one video: frames with ``start <= time < end`` (None: open).

    ``stamp`` is the size and time of change that the file had when it was planned.
    """

    video_id: str
    index: int
    start: float | None
    end: float | None
    split: str
    stamp: str

    @property
    def key(self) -> str:
        """Names the segment in a shard's outcomes; another one once the file was planned again."""
        return segment_key(self.video_id, self.index, self.stamp)


def segment_key(video_id: str, index: int, stamp: str) -> str:
    """``Segment.key`` without the segment."""
    return f"{video_id}-{index:04d}-{stamp}"


def cut_segments(
    video_id: str, stamp: str, span: Span, rule: SplitRule, seconds: float
) -> list[Segment]:
    """Cut a video into pieces of about ``seconds``, and under the rule 'thirds' also at 2/3.

    The first piece is open to the left and the last one to the right, so a file that is longer
    than it says loses nothing; one of unknown length is one piece.
    """
    split = rule.of_video(video_id)
    if span is None or not 0 < span[1] <= _LONGEST:
        return [Segment(video_id, 0, None, None, split, stamp)]
    start, duration = span
    hold = duration * 2 / 3 if rule.rule == "thirds" else duration
    edges = [(start + t, split) for t in _even(hold, seconds)]
    if rule.rule == "thirds":
        edges += [(start + hold + t, "test") for t in _even(duration - hold, seconds)]
    ends = [round(edge, 6) for edge, _ in edges[1:]]
    starts: list[float | None] = [None, *ends]
    return [
        Segment(video_id, index, first, last, edge[1], stamp)
        for index, (first, last, edge) in enumerate(zip(starts, [*ends, None], edges, strict=True))
    ]


def _even(length: float, seconds: float) -> list[float]:
    count = max(1, int(length / seconds + 0.5))
    return [length * k / count for k in range(count)]
