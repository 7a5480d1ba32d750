"""The plan of a store: which videos, cut into which segments, in which shards. A file, plan.json.

Shard k always means the same segments. Videos that come later get new shards behind. A changed
file is planned again only on demand: its old segments leave their shards and its new ones get new
shards.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.extraction.split import SplitRule, choose_rule

PLAN_VERSION = 1

#: A container that claims to be longer than this (seconds) is not believed, and read in one piece.
_LONGEST = 7 * 86400.0

#: (time of the first frame, duration) in seconds of each path; None where a file does not say.
Prober = Callable[[Sequence[str]], list[tuple[float, float] | None]]


@dataclass(frozen=True)
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
        return f"{self.video_id}-{self.index:04d}-{self.stamp}"


@dataclass(frozen=True)
class Plan:
    """Everything plan.json holds.

    Attributes:
        kind: ``video`` or ``image``.
        settings: the configuration that decides the rows.
        backend: name and version of what decodes.
        split: the rule of the hold-out.
        videos: video_id -> its file.
        shards: the segments of each shard, in order.
    """

    kind: str
    settings: dict[str, Any]
    backend: str
    split: SplitRule
    videos: dict[str, Source]
    shards: tuple[tuple[Segment, ...], ...]


@dataclass(frozen=True)
class PlanChange:
    """A plan brought up to date, and what was met on the way (names of files)."""

    plan: Plan
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def read_plan(path: Path) -> Plan | None:
    """The plan in a file, or None where there is none.

    Raises:
        VidclError: the file is not a plan, or a newer vidcl wrote it.
    """
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        version = data["plan_version"]
        if version > PLAN_VERSION:
            raise VidclError(
                f"{path} has version {version} and this vidcl knows up to {PLAN_VERSION}: install "
                "a newer vidcl."
            )
        return Plan(
            kind=data["kind"],
            settings=data["settings"],
            backend=data["backend"],
            split=SplitRule(**data["split"]),
            videos={key: Source(**value) for key, value in data["videos"].items()},
            shards=tuple(tuple(Segment(**s) for s in shard) for shard in data["shards"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VidclError(
            f"{path} is not the plan of a track store ({error!r}): name another folder."
        ) from error


def write_plan(path: Path, plan: Plan) -> None:
    """Write plan.json, whole or not at all."""
    text = json.dumps({"plan_version": PLAN_VERSION, **asdict(plan)})
    write_atomic(path, text.encode("utf-8"))


def check_same(plan: Plan, kind: str, settings: dict[str, Any], store: Path) -> None:
    """Refuse to mix two configurations in one store.

    Raises:
        VidclError: names the first field that differs.
    """
    if plan.kind != kind:
        raise VidclError(
            f"The store {store} holds {plan.kind} tracks: give {kind} tracks another --out."
        )
    old, new = _flatten(plan.settings), _flatten(settings)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            raise VidclError(
                f"The store {store} was made with {name} = {old.get(name)}, not "
                f"{new.get(name)}: use the old value, or another --out."
            )


def extend_plan(
    plan: Plan,
    sources: Sequence[Source],
    probe: Prober | None,
    *,
    segment_seconds: float,
    segments_per_shard: int,
    refresh: Callable[[str], bool] = lambda video_id: False,
) -> PlanChange:
    """Add the sources that are new; plan changed ones again where ``refresh(video_id)`` says so.

    A file is known by its path; one whose path is gone and whose name, size and time of change
    are those of a source has moved, and is not new.
    """
    videos = dict(plan.videos)
    id_of_path = {source.path: video_id for video_id, source in videos.items()}
    named = {source.path for source in sources}
    fresh: list[str] = []
    added: list[str] = []
    changed: list[str] = []
    for source in sources:
        known = id_of_path.get(source.path) or _moved(source, videos, named)
        if known is None:
            known = _new_id(source, videos)
            added.append(source.path)
            fresh.append(known)
        elif source.stamp == videos[known].stamp or source.size < 0:
            source = replace(videos[known], path=source.path)
        else:
            changed.append(source.path)
            if not refresh(known):
                continue
            fresh.append(known)
        videos[known] = source
    rule = plan.split if plan.shards else choose_rule(fresh, plan.kind)
    gone = set(fresh)
    kept = tuple(tuple(s for s in shard if s.video_id not in gone) for shard in plan.shards)
    spans = probe([videos[v].path for v in fresh]) if probe and fresh else [None] * len(fresh)
    segments = [
        segment
        for video_id, span in zip(fresh, spans, strict=True)
        for segment in cut_segments(video_id, videos[video_id].stamp, span, rule, segment_seconds)
    ]
    new_shards = tuple(
        tuple(segments[at : at + segments_per_shard])
        for at in range(0, len(segments), segments_per_shard)
    )
    extended = replace(plan, split=rule, videos=videos, shards=kept + new_shards)
    return PlanChange(extended, tuple(added), tuple(changed))


def cut_segments(
    video_id: str,
    stamp: str,
    span: tuple[float, float] | None,
    rule: SplitRule,
    seconds: float,
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


def _moved(source: Source, videos: dict[str, Source], named: set[str]) -> str | None:
    """The video that a source was before it moved, if it did."""
    video_id = _hash(source.name)
    known = videos.get(video_id)
    if known is None or (known.name, known.stamp) != (source.name, source.stamp):
        return None
    return None if known.path in named or Path(known.path).exists() else video_id


def _new_id(source: Source, videos: dict[str, Source]) -> str:
    """Hash of the name below its root; of the whole path where another file has that name."""
    video_id = _hash(source.name)
    return video_id if video_id not in videos else _hash(source.path)


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat
