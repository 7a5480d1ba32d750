"""The plan of a store: which videos, cut into which segments, in which shards.

Shard k always means the same segments, until it is emptied: by segments of a file that changed and
was planned again, or by a merge. Numbers are never used twice. What is planned lies in columns, and
a shard's segments become objects when they are asked for: a plan of a million videos is some
hundred bytes per video.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from vidcl.tracks.extraction.segments import Segment, segment_key
from vidcl.tracks.extraction.sources import Source, file_stamp
from vidcl.tracks.extraction.split import SplitRule

#: What ``segments["split"]`` counts in.
SPLITS = ("train", "test")

#: One planned segment: the shard it belongs to, the row of its video in ``Plan.videos``, its place
#: in the video, and its times in seconds (NaN: open).
SEGMENT_TYPE = np.dtype(
    [
        ("shard", np.int32),
        ("video", np.int32),
        ("index", np.int32),
        ("split", np.int8),
        ("start", np.float64),
        ("end", np.float64),
    ]
)

#: One planned file, in the order in which files were planned first.
VIDEO_SCHEMA = pa.schema(
    [
        ("video_id", pa.large_string()),
        ("name", pa.large_string()),
        ("path", pa.large_string()),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
    ]
)


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that is planned.

    Attributes:
        kind: ``video`` or ``image``.
        settings: the configuration that decides the rows.
        backend: name and version of what decodes.
        split: the rule of the hold-out.
        videos: one row per file, columns ``VIDEO_SCHEMA``.
        segments: one row per segment, ``SEGMENT_TYPE`` [S], by shard and then in the shard's order.
        shard_count: shards there ever were, emptied ones included; the next one gets this number.
    """

    kind: str
    settings: dict[str, Any]
    backend: str
    split: SplitRule
    videos: pa.Table
    segments: np.ndarray
    shard_count: int

    @classmethod
    def empty(cls, kind: str, settings: dict[str, Any], backend: str) -> "Plan":
        """The plan of a store to be; its rule is chosen with the first files."""
        none = np.empty(0, SEGMENT_TYPE)
        rule = SplitRule("videos", 0.0)
        return cls(kind, settings, backend, rule, VIDEO_SCHEMA.empty_table(), none, 0)

    @property
    def video_count(self) -> int:
        return self.videos.num_rows

    @cached_property
    def sizes(self) -> np.ndarray:
        """Segments of every shard, int64 [shard_count]; 0 of an emptied one."""
        return np.bincount(self.segments["shard"], minlength=self.shard_count)

    @property
    def live_shards(self) -> np.ndarray:
        """Numbers of the shards that have segments, int64, rising."""
        return np.flatnonzero(self.sizes)

    def rows(self, number: int) -> slice:
        """Which rows of ``segments`` are those of a shard.

        Raises:
            IndexError: there is no such shard.
        """
        if not 0 <= number < self.shard_count:
            raise IndexError(f"shard {number} of {self.shard_count}")
        return slice(int(self._first[number]), int(self._first[number + 1]))

    def shard(self, number: int) -> tuple[tuple[Segment, Source], ...]:
        """The segments of a shard with their files, in the order of the shard's rows.

        Raises:
            IndexError: there is no such shard.
        """
        return self.planned(self.segments[self.rows(number)])

    def keys(self, number: int) -> list[str]:
        """The keys of a shard's segments, in order.

        Raises:
            IndexError: there is no such shard.
        """
        return self.keys_of(self.segments[self.rows(number)])

    def keys_of(self, segments: np.ndarray) -> list[str]:
        """The keys of some rows of ``segments``; quicker than to make the segments."""
        videos = np.unique(segments["video"])
        ids, *facts = self._columns(videos, ("video_id", "size", "mtime_ns"))
        known = dict(
            zip(videos.tolist(), zip(ids, map(file_stamp, *facts), strict=True), strict=True)
        )
        pairs = zip(segments["video"].tolist(), segments["index"].tolist(), strict=True)
        return [segment_key(known[video][0], index, known[video][1]) for video, index in pairs]

    def planned(self, segments: np.ndarray) -> tuple[tuple[Segment, Source], ...]:
        """Rows of ``segments`` as objects, with their files."""
        videos = np.unique(segments["video"])
        found = dict(zip(videos.tolist(), self.sources(videos), strict=True))
        pairs = []
        for _, video, index, split, start, end in segments.tolist():
            video_id, source = found[video]
            first, last = _known(start), _known(end)
            segment = Segment(video_id, index, first, last, SPLITS[split], source.stamp)
            pairs.append((segment, source))
        return tuple(pairs)

    def sources(self, videos: np.ndarray) -> list[tuple[str, Source]]:
        """(video id, file) of some rows of ``videos``, int [V]."""
        columns = self._columns(videos, VIDEO_SCHEMA.names)
        return [(key, Source(*rest)) for key, *rest in zip(*columns, strict=True)]

    def _columns(self, videos: np.ndarray, names: Sequence[str]) -> list[list[Any]]:
        """Columns of some rows of ``videos``."""
        if (
            len(videos)
            and videos[-1] - videos[0] == len(videos) - 1
            and (np.diff(videos) > 0).all()
        ):
            part = self.videos.slice(int(videos[0]), len(videos))  # neighbours, most often
        else:
            part = self.videos.take(pa.array(videos, pa.int64()))
        return [part[name].to_pylist() for name in names]

    def merged(self, old: Sequence[int]) -> tuple["Plan", int]:
        """Make several shards one: the first of them gets the segments of all, in order, and the
        others are empty from then on.

        Args:
            old: numbers that rise; a shard between them that is not named must be empty, so that
                the order of rows in the store stays what it is.

        Returns:
            The new plan (equal to this one if they were merged before), and ``old[0]``.

        Raises:
            ValueError: the numbers do not rise, are not there, or leave out a shard between them.
        """
        return self.merged_groups([old]), old[0]

    def merged_groups(self, groups: Iterable[Sequence[int]]) -> "Plan":
        """``merged`` for many groups in one pass over the plan.

        Raises:
            ValueError: as ``merged``, for any group; or a shard is in two groups.
        """
        becomes = np.arange(self.shard_count, dtype=np.int32)
        seen = np.zeros(self.shard_count, bool)
        for group in groups:
            old = np.asarray(group, np.int64)
            rises = len(old) and old[0] >= 0 and old[-1] < len(seen) and (np.diff(old) > 0).all()
            if not rises or seen[old].any():
                raise ValueError(f"shards {list(group)} of {len(seen)}: name each once, rising")
            if self.sizes[old[0] : old[-1] + 1].sum() != self.sizes[old].sum():
                raise ValueError(f"shards {list(group)} leave out a shard between them")
            seen[old] = True
            becomes[old] = old[0]
        segments = self.segments.copy()
        segments["shard"] = becomes[segments["shard"]]
        return replace(self, segments=segments)

    @cached_property
    def _first(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.sizes)])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Plan):
            return NotImplemented
        return (
            (self.kind, self.backend, self.split, self.shard_count)
            == (other.kind, other.backend, other.split, other.shard_count)
            and json.dumps(self.settings, sort_keys=True)
            == json.dumps(other.settings, sort_keys=True)
            and self.videos.equals(other.videos)
            and len(self.segments) == len(other.segments)
            and all(
                np.array_equal(self.segments[name], other.segments[name], equal_nan=True)
                for name in SEGMENT_TYPE.names or ()
            )
        )

    __hash__ = None  # type: ignore[assignment]


def _known(time: float) -> float | None:
    return None if time != time else time
