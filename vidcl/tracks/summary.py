"""What a track store holds, in words: one shard and some thousand files in memory at a time."""

import heapq
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from vidcl.tracks.extraction.plan_file import Outline, read_outline
from vidcl.tracks.extraction.videos import videos_batches, videos_path
from vidcl.tracks.store import TrackStore

#: Files that are named as those that took longest.
_SLOWEST = 3

_SHARD_FILE = re.compile(r"shard-(\d+)\.(arrow|json)")


@dataclass
class _Group:
    """Tracks of one kind, proposer and tracker.

    Attributes:
        lengths: crops of a track -> tracks; spans: milliseconds of a track -> tracks.
        change: sum of the tracks' change.
    """

    lengths: Counter[int] = field(default_factory=Counter)
    spans: Counter[int] = field(default_factory=Counter)
    change: float = 0.0


def summarize(path: str | Path) -> str:
    """What a store holds, as lines of text: how far its extraction is, tracks, lengths, end
    reasons, splits, faults by kind, and the files that took longest.

    A store whose videos all failed is summarised too.

    Raises:
        VidclError: there is no store, or a shard is damaged.
    """
    store = TrackStore(path)
    lines = [f"Track store {path}"]
    lines += _shard_lines(store)
    lines += _track_lines(store)
    if videos_path(path).is_file():
        lines += _file_lines(path)
    return "\n".join(lines)


def _shard_lines(store: TrackStore) -> list[str]:
    plan = read_outline(store.path)
    if plan is None:
        return [f"  shards      {len(store.shards)}"]
    total, done = int((plan.sizes > 0).sum()), _committed(plan, store.path)
    missing = "" if done == total else "; run its extract command again to finish"
    first = TrackStore(store.path, store.shards[:1])
    rates = [first.metadata.get(name) for name in ("follow_rate", "keep_rate")]
    shown = ["every frame" if rate is None else f"{rate:g}/s" for rate in rates]
    followed = f"; followed {shown[0]}, kept {shown[1]}" if plan.kind == "video" else ""
    canvas = f"  canvas      {first.metadata.get('canvas')} px{followed}"
    return [f"  shards      {done} of {total}{missing}", canvas, f"  backend     {plan.backend}"]


def _committed(plan: Outline, store: Path) -> int:
    """Shards with segments whose two files are there."""
    there = np.zeros(len(plan.sizes), np.int8)
    for name in os.listdir(store / "shards"):
        match = _SHARD_FILE.fullmatch(name)
        if match and int(match[1]) < len(there):
            there[int(match[1])] += 1
    return int((there[plan.sizes > 0] == 2).sum())


def _track_lines(store: TrackStore) -> list[str]:
    groups: dict[tuple[str, str, str], _Group] = {}
    reasons: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    for shard in _shards(store):
        reasons.update(shard.end_reason)
        splits.update(shard.split)
        names = zip(shard.kind, shard.proposer, shard.tracker, strict=True)
        for row, name in enumerate(names):
            group = groups.setdefault(name, _Group())
            times = shard.times(row)
            group.lengths[len(times)] += 1
            group.spans[round(1000 * float(times[-1] - times[0]))] += 1
            group.change += float(shard.change[row])
    if not groups:
        return []
    counts = {name: group.lengths.total() for name, group in groups.items()}
    crops = sum(length * n for group in groups.values() for length, n in group.lengths.items())
    lines = [f"  tracks      {sum(counts.values())} with {crops} crops"]
    for name, group in sorted(groups.items()):
        kind, proposer, tracker = name
        quarters = [round(_quantile(group.lengths, share)) for share in (0.25, 0.5, 0.75, 1)]
        lines.append(
            f"    {kind:<7} proposer {proposer:<7} tracker {tracker:<8} {counts[name]:>7} tracks, "
            f"median {quarters[1]} crops (quartiles {quarters[0]} to {quarters[2]}, longest "
            f"{quarters[3]}), {_quantile(group.spans, 0.5) / 1000:.2f} s, change "
            f"{group.change / counts[name]:.2f}"
        )
    for title, counted in (("end_reason", reasons), ("split", splits)):
        listed = ", ".join(f"{value} {count}" for value, count in counted.most_common())
        lines.append(f"  {title:<11} {listed}")
    return lines


def _shards(store: TrackStore) -> Iterator[TrackStore]:
    for name in store.shards:
        yield TrackStore(store.path, (name,))


def _quantile(counts: Counter[int], share: float) -> float:
    """The quantile of the counted values, between two of them linear as ``np.percentile``."""
    values = np.array(sorted(counts))
    upto = np.cumsum([counts[value] for value in values.tolist()])
    place = share * (upto[-1] - 1)
    low, high = (
        values[np.searchsorted(upto, at, side="right")] for at in (np.floor(place), np.ceil(place))
    )
    return float(low + (high - low) * (place - np.floor(place)))


def _file_lines(path: str | Path) -> list[str]:
    files = frames = corrupt = 0
    seconds = 0.0
    statuses: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    first: dict[str, str] = {}
    slowest: list[tuple[float, str]] = []
    for batch in videos_batches(path):
        files += len(batch)
        frames += pc.sum(batch["frames"]).as_py() or 0
        corrupt += pc.sum(batch["corrupt_frames"]).as_py() or 0
        seconds += pc.sum(batch["seconds"]).as_py() or 0.0
        statuses.update(batch["status"].to_pylist())
        faulty = batch.filter(pc.is_valid(batch["error"]))
        faults.update(faulty["error"].to_pylist())
        for kind, message in zip(faulty["error"], faulty["message"], strict=True):
            first.setdefault(kind.as_py(), (message.as_py() or "").partition("\n")[0])
        pairs = zip(batch["seconds"].to_pylist(), batch["path"].to_pylist(), strict=True)
        slowest = heapq.nlargest(_SLOWEST, [*slowest, *pairs])
    listed = ", ".join(f"{count} {name}" for name, count in statuses.most_common())
    lines = [
        f"  files       {files}: {listed}",
        f"  decoded     {frames} frames, {corrupt} of them corrupt, in {seconds:.1f} s of work",
    ]
    if files > _SLOWEST and slowest[0][0] > 0:
        named = ", ".join(
            f"{_printable(os.path.basename(name))} {spent:.1f} s" for spent, name in slowest
        )
        lines.append(f"  slowest     {named}")
    for kind, count in faults.most_common():
        lines.append(f"    fault {kind}: {count}, the first: {_printable(first[kind])}")
    return lines


def _printable(text: str) -> str:
    """A file may have any name: it must not steer the terminal, nor break a line."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
