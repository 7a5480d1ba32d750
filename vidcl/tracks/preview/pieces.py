"""The piece of work that a preview shares with an extraction: one video cut into segments."""

from dataclasses import replace
from math import inf
from pathlib import Path

from vidcl.errors import VidclError
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.extend import extend_plan
from vidcl.tracks.extraction.plan import Plan
from vidcl.tracks.extraction.probing import probe_path
from vidcl.tracks.extraction.segments import Segment
from vidcl.tracks.extraction.sources import list_sources
from vidcl.tracks.extraction.split import TEST_SHARE, SplitRule


def plan_segments(
    video: Path, config: ExtractConfig, start: float | None = None, end: float | None = None
) -> list[Segment]:
    """The segments an extraction of many videos cuts ``video`` into, as far as they lie within
    ``start <= time < end`` (seconds as the file counts them; None: open).

    A store of fewer than ``FEW_VIDEOS`` videos cuts each once more, at two thirds, for its test
    split; that cut says nothing about the tracks and is left out.

    Raises:
        VidclError: there is no such file, or no time between start and end.
    """
    low, high = -inf if start is None else start, inf if end is None else end
    if not low < high:
        raise VidclError(f"--start {low:g} must come before --end {high:g}: give seconds.")
    planned = extend_plan(
        Plan.empty("video", {}, ""),
        list_sources([video]),
        lambda sources: [probe_path(source.path) for source in sources],
        segment_seconds=config.segment_seconds,
        segments_per_shard=config.segments_per_shard,
        rule=SplitRule("videos", TEST_SHARE),
    ).plan
    within = []
    for segment, _ in planned.planned(planned.segments):
        first = max(low, -inf if segment.start is None else segment.start)
        last = min(high, inf if segment.end is None else segment.end)
        if first < last:
            within.append(
                replace(
                    segment,
                    start=None if first == -inf else first,
                    end=None if last == inf else last,
                )
            )
    return within
