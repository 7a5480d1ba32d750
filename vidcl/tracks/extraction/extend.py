"""Bring a plan up to date with the files that are there now."""

import hashlib
import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vidcl.tracks.extraction.plan import SEGMENT_TYPE, SPLITS, VIDEO_SCHEMA, Plan
from vidcl.tracks.extraction.remote_access import is_remote
from vidcl.tracks.extraction.segments import Segment, Span, cut_segments
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.extraction.split import SplitRule, choose_rule

#: The span of each file, in their order; may be lazy.
Prober = Callable[[Sequence[Source]], Iterable[Span]]

_CUT = ("video", "index", "split", "start", "end")

#: Bytes at either end by which two files of one name, size and time of change are compared.
_COMPARED = 65_536


@dataclass(frozen=True)
class PlanChange:
    """A plan brought up to date, and what was met on the way.

    Attributes:
        plan: the new one; the old one itself where nothing is different.
        added: paths of new files.
        changed: paths of files that are not what they were when they were planned.
        copies: paths of files that are copies of planned ones, and were left out.
    """

    plan: Plan
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()


def extend_plan(
    plan: Plan,
    sources: Sequence[Source],
    probe: Prober | None,
    *,
    segment_seconds: float,
    segments_per_shard: int,
    refresh: Callable[[str], bool] = lambda video_id: False,
    rule: SplitRule | None = None,
) -> PlanChange:
    """Add the sources that are new; plan changed ones again where ``refresh(video_id)`` says so.

    A file is known by its path. One with the name, size and time of change of a planned file that
    is not among the sources is no new one: that file has moved, where its path is gone, or is
    copied, where it is still there with the same bytes at both ends. A file that was missing when
    it was planned is planned again as soon as it is there.

    Args:
        probe: how long files are, asked of those that are new; None: they are not cut.
        rule: of an empty plan; None chooses one.
    """
    book = _Book(plan, {source.path for source in sources})
    fresh: list[int] = []
    added: list[str] = []
    changed: list[str] = []
    copies: list[str] = []
    for source in sources:
        video = book.of_path.get(source.path)
        if video is None:
            video, copied = book.moved(source)
            if copied:
                copies.append(source.path)
                continue
        if video is None:
            added.append(source.path)
            fresh.append(book.add(source))
            continue
        known = book.source(video)
        if source.stamp == known.stamp or source.size < 0:
            if source.path != known.path:
                book.replace(video, replace(known, path=source.path))
        elif known.size < 0 or refresh(book.ids[video]):
            changed.extend([source.path] if known.size >= 0 else [])
            book.replace(video, source)
            fresh.append(video)
        else:
            changed.append(source.path)
    if fresh or book.is_changed:
        if not plan.shard_count:
            chosen = rule or choose_rule([book.ids[video] for video in fresh], plan.kind)
            plan = replace(plan, split=chosen)
        plan = _with_segments(plan, book, fresh, probe, segment_seconds, segments_per_shard)
    return PlanChange(plan, tuple(added), tuple(changed), tuple(copies))


class _Book:
    """The planned files by path and by id, and those that are new or different."""

    def __init__(self, plan: Plan, named: set[str]) -> None:
        self.ids: list[str] = plan.videos["video_id"].to_pylist()
        self.of_path = {path: row for row, path in enumerate(plan.videos["path"].to_pylist())}
        self._plan = plan
        self._of_id = {video_id: row for row, video_id in enumerate(self.ids)}
        self._named = named
        self._new: dict[int, Source] = {}

    @property
    def is_changed(self) -> bool:
        return bool(self._new)

    def source(self, video: int) -> Source:
        """The file of a row."""
        if video in self._new:
            return self._new[video]
        size, mtime = (self._plan.videos[name] for name in ("size", "mtime_ns"))
        name, path = (self._plan.videos[name] for name in ("name", "path"))
        return Source(
            name[video].as_py(), path[video].as_py(), size[video].as_py(), mtime[video].as_py()
        )

    def replace(self, video: int, source: Source) -> None:
        """Another path or stamp for a row."""
        self._new[video] = source

    def add(self, source: Source) -> int:
        """A new row; its id is the hash of the name below its root, or of the whole path where
        another file has that name."""
        video_id = _hash(source.name)
        if video_id in self._of_id:
            video_id = _hash(source.path)
        row = self._of_id[video_id] = len(self.ids)
        self.ids.append(video_id)
        self._new[row] = source
        return row

    def moved(self, source: Source) -> tuple[int | None, bool]:
        """The row of a file that has moved here; or None, and whether this is a copy of it."""
        video = self._of_id.get(_hash(source.name))
        if video is None:
            return None, False
        known = self.source(video)
        alike = (known.name, known.stamp) == (source.name, source.stamp)
        if not alike or known.path in self._named or is_remote(known.path):
            return None, False
        if not os.path.exists(known.path):
            return video, False
        return None, not is_remote(source.path) and _same_ends(known.path, source.path)

    def table(self) -> pa.Table:
        """All rows, in order."""
        old = self._plan.video_count
        rows = sorted(row for row in self._new if row < old)
        mask = np.zeros(old, bool)
        mask[rows] = True
        columns = []
        for name in VIDEO_SCHEMA.names[1:]:
            kind = VIDEO_SCHEMA.field(name).type
            column = self._plan.videos[name].combine_chunks()
            if rows:
                put = pa.array([getattr(self._new[row], name) for row in rows], kind)
                column = pc.replace_with_mask(column, pa.array(mask), put)
            added = (getattr(self._new[row], name) for row in range(old, len(self.ids)))
            columns.append(pa.concat_arrays([column, pa.array(added, kind)]))
        return pa.table([pa.array(self.ids, pa.large_string()), *columns], VIDEO_SCHEMA)


def _with_segments(
    plan: Plan,
    book: _Book,
    fresh: list[int],
    probe: Prober | None,
    segment_seconds: float,
    segments_per_shard: int,
) -> Plan:
    """The plan with the book's files, without what the fresh ones had, and with them cut anew."""
    files = [book.source(video) for video in fresh]
    spans = probe(files) if probe and fresh else [None] * len(fresh)
    columns = {name: array("d" if name in ("start", "end") else "i") for name in _CUT}
    for video, source, span in zip(fresh, files, spans, strict=True):
        for piece in cut_segments(book.ids[video], source.stamp, span, plan.split, segment_seconds):
            _append(columns, video, piece)
    new = np.empty(len(columns["video"]), SEGMENT_TYPE)
    for name in _CUT:
        new[name] = columns[name]
    new["shard"] = plan.shard_count + np.arange(len(new)) // segments_per_shard
    kept = plan.segments[~np.isin(plan.segments["video"], fresh)]
    return replace(
        plan,
        videos=book.table(),
        segments=np.concatenate([kept, new]),
        shard_count=plan.shard_count + -(-len(new) // segments_per_shard),
    )


def _append(columns: "dict[str, array[Any]]", video: int, piece: Segment) -> None:
    columns["video"].append(video)
    columns["index"].append(piece.index)
    columns["split"].append(SPLITS.index(piece.split))
    columns["start"].append(np.nan if piece.start is None else piece.start)
    columns["end"].append(np.nan if piece.end is None else piece.end)


def _same_ends(one: str, other: str) -> bool:
    """Whether two files of one length begin and end alike; False where either cannot be read."""
    try:
        with open(one, "rb") as a, open(other, "rb") as b:
            for whence, at in ((os.SEEK_SET, 0), (os.SEEK_END, -_COMPARED)):
                for file in (a, b):
                    if whence == os.SEEK_END and os.fstat(file.fileno()).st_size < _COMPARED:
                        continue
                    file.seek(at, whence)
                if a.read(_COMPARED) != b.read(_COMPARED):
                    return False
    except OSError:
        return False
    return True


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
