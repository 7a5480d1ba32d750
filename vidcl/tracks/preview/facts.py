"""What a preview says in words and numbers: one row per track, and a summary."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from vidcl.tracks.preview.follower import Piece
from vidcl.tracks.preview.traces import Stored
from vidcl.tracks.track import SCORES


@dataclass(frozen=True)
class TrackFacts:
    """One region track that an extraction would store.

    Attributes:
        number: on the overlay.
        label: name of the given object, if any.
        shot: from 0 within the preview; a segment begins a new one.
        start, end: seconds of the first and the last kept crop.
        kept: crops.
        scores: name in ``SCORES`` -> mean over the kept crops, in [0, 1].
        change: of look along the track, in [0, 2].
        end_reason: see ``vidcl.tracks.track.EndReason``.
        first_box, last_box: xyxy in source pixels, of the first and the last kept crop.
    """

    number: int
    label: str | None
    shot: int
    start: float
    end: float
    kept: int
    scores: dict[str, float]
    change: float
    end_reason: str
    first_box: list[float]
    last_box: list[float]


@dataclass
class Facts:
    """All of one preview.

    Attributes:
        tracks: in order of their numbers.
        shots: first and last followed time in seconds of each.
        frames: followed frames.
        covered: those with at least one stored region in them.
        dropped: end reason -> regions that kept too few crops to be stored.
        whole: crops of each stored track of whole frames.
        notes: faults of the file, one sentence each.
    """

    tracks: list[TrackFacts] = field(default_factory=list)
    shots: list[tuple[float, float]] = field(default_factory=list)
    frames: int = 0
    covered: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    whole: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, piece: Piece) -> None:
        """Count a piece whose traces have their numbers."""
        first_shot = len(self.shots)
        covered = np.zeros(len(piece.times), bool)
        for trace in piece.traces:
            if trace.stored is None or trace.number is None:
                self.dropped[trace.end_reason] += 1
            else:
                covered[trace.frames] = True
                self.tracks.append(_track_facts(trace.number, trace.stored, first_shot))
        self.frames += len(piece.times)
        self.covered += int(covered.sum())
        for shot in range(int(piece.shots[-1]) + 1):
            times = piece.times[piece.shots == shot]
            self.shots.append((_short(times[0]), _short(times[-1])))
        self.whole += piece.whole
        if piece.fault is not None and str(piece.fault) not in self.notes:
            self.notes.append(str(piece.fault))

    def as_json(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return asdict(self) | {
            "shots": [list(shot) for shot in self.shots],
            "dropped": dict(self.dropped),
        }

    def text(self) -> str:
        """The table of the tracks and a summary, as lines."""
        return "\n".join([*_table(self.tracks), *self._summary()])

    def _summary(self) -> list[str]:
        tracks, shots = len(self.tracks), len(self.shots)
        crops = sum(track.kept for track in self.tracks)
        lines = [
            f"{_count(tracks, 'region track')} with {_count(crops, 'crop')} in "
            f"{_count(shots, 'shot')} ({tracks / max(1, shots):.1f} per shot); at least one in "
            f"{self.covered / max(1, self.frames):.0%} of {_count(self.frames, 'followed frame')}"
        ]
        if self.whole:
            whole = _count(len(self.whole), "track")
            lines.append(f"{whole} of whole frames with {_count(sum(self.whole), 'crop')}")
        if self.dropped:
            reasons = ", ".join(f"{name} {count}" for name, count in self.dropped.most_common())
            lines.append(f"{_count(self.dropped.total(), 'region')} dropped, too short: {reasons}")
        return lines


def _track_facts(number: int, stored: Stored, first_shot: int) -> TrackFacts:
    track = stored.track
    return TrackFacts(
        number=number,
        label=track.label,
        shot=first_shot + track.shot,
        start=_short(track.times[0]),
        end=_short(track.times[-1]),
        kept=len(track),
        scores={name: _short(track.scores[name].mean()) for name in SCORES},
        change=_short(stored.change),
        end_reason=track.end_reason,
        first_box=[_short(value) for value in track.boxes[0]],
        last_box=[_short(value) for value in track.boxes[-1]],
    )


def _table(tracks: list[TrackFacts]) -> list[str]:
    if not tracks:
        return []
    named = any(track.label is not None for track in tracks)
    head = "track  shot    from      to  crops  score  change  ends"
    lines = [head + ("      object" if named else "")]
    for track in tracks:
        line = (
            f"{track.number:5d}  {track.shot:4d}  {track.start:6.2f}  {track.end:6.2f}  "
            f"{track.kept:5d}  {track.scores['total']:5.2f}  {track.change:6.2f}  "
            f"{track.end_reason:<8}"
        )
        lines.append(f"{line}  {track.label}" if named else line.rstrip())
    return [*lines, ""]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _short(value: float | np.floating[Any]) -> float:
    """A plain float with as many digits as anyone reads."""
    return round(float(value), 4)
