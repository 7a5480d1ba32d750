"""How far a run is: counts alone, kept by the driver and shown by whoever wants to."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vidcl.tracks.extraction.done import ShardDone
from vidcl.tracks.extraction.plan import Plan


@dataclass
class Counts:
    """Where a run stands; it changes while the run goes on.

    Attributes:
        to_probe, probed: files whose length is asked before they are cut into segments.
        shards, shards_done: of the store; those that an earlier run finished count as done.
        videos, videos_done: a video is done with its last segment.
        segments, segments_done: in the plan.
        own_videos, own_segments: those of them that this run did.
        frames: decoded for the shards of this run.
        failed: segments with a fault in the shards of this run.
        lost: shards whose worker died for good.
    """

    to_probe: int = 0
    probed: int = 0
    shards: int = 0
    shards_done: int = 0
    videos: int = 0
    videos_done: int = 0
    segments: int = 0
    segments_done: int = 0
    own_videos: int = 0
    own_segments: int = 0
    frames: int = 0
    failed: int = 0
    lost: int = 0


#: Hears of every step of a run.
Watch = Callable[[Counts], None]


class Tally:
    """Keeps the counts as shards are done.

    Args:
        plan: what is to be done in all.
        missing: numbers of the shards that this run does.
        counts: brought up to date.
    """

    def __init__(self, plan: Plan, missing: np.ndarray, counts: Counts) -> None:
        self.counts = counts
        self._plan = plan
        waiting = np.zeros(plan.shard_count, bool)
        waiting[missing] = True
        segments = plan.segments[waiting[plan.segments["shard"]]]
        #: Segments of each video that are still to be done.
        self._left = np.bincount(segments["video"], minlength=plan.video_count).astype(np.int32)
        counts.shards = len(plan.live_shards)
        counts.shards_done = counts.shards - len(missing)
        counts.videos = plan.video_count
        counts.videos_done = int((self._left == 0).sum())
        counts.segments = len(plan.segments)
        counts.segments_done = counts.segments - len(segments)

    def add(self, done: ShardDone) -> None:
        """A shard is committed."""
        counts = self.counts
        videos = self._plan.segments[self._plan.rows(done.number)]["video"]
        np.subtract.at(self._left, videos, 1)
        finished = int((self._left[np.unique(videos)] == 0).sum())
        counts.shards_done += 1
        counts.videos_done += finished
        counts.own_videos += finished
        counts.segments_done += len(videos)
        counts.own_segments += len(videos)
        counts.frames += done.frames
        counts.failed += done.failed
