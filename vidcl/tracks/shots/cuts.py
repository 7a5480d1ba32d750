"""Where shots begin, found while frames stream by."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from vidcl.tracks.shots.thumbnails import Thumbnail, agreement, change, detour, thumbnail
from vidcl.video.frames import Frame

#: Frames that are read ahead of the one given out, and the longest flash, in frames.
LOOK_AHEAD = 3
#: A frame is compared with those so many before it: 1 finds hard cuts, the others dissolves that
#: last about so many frames.
_LAGS = (1, 3, 6, 12, 24)
#: Pictures that agree better than this are of one shot; only the others are looked at closely.
_SURE = 0.6
#: Pictures that differ by more are of two shots ...
_UNLIKE = 0.45
#: ... if those between them are mixtures of the two: off the straight line by less than this.
_DETOUR = 0.10
#: A dissolve changes the picture by so many times as much per frame as the calmer one of the shots
#: around it; where all of them change alike, things move or the light does.
_FASTER = 2.0
#: Frames of the shot before that tell how much it changes.
_PACE = 6
#: Pictures of less contrast, in grey levels, are cut hard or not at all: slow changes of a plain
#: sky look like mixtures.
_FAINT = 8.0


def mark_cuts(frames: Iterable[Frame]) -> Iterator[tuple[Frame, bool]]:
    """Every frame with whether it begins a new shot (the very first does not), three frames late.

    A shot begins where a picture is unlike an earlier one, all pictures between them are mixtures
    of the two that change faster than the shots around, and neither comes back: not the earlier one
    within three frames after it, nor the later one within three frames before. With nothing
    between, that is a hard cut; with mixtures, a dissolve, which is marked once they look more like
    the later shot; what comes back after up to three frames is a flash. Blank pictures are passed
    over: a fade compares what was before it with what comes after. Nothing is compared across a
    corrupt frame.

    Memory: three frames, and 27 thumbnails.
    """
    shot = Shot()
    waiting: deque[tuple[Frame, Thumbnail]] = deque()
    for frame in frames:
        if frame.corrupt:
            yield from _give_out(waiting, shot, 0)
            shot = Shot()
            yield frame, False
            continue
        waiting.append((frame, thumbnail(frame.image)))
        yield from _give_out(waiting, shot, LOOK_AHEAD)
    yield from _give_out(waiting, shot, 0)


def _give_out(
    waiting: deque[tuple[Frame, Thumbnail]], shot: "Shot", rest: int
) -> Iterator[tuple[Frame, bool]]:
    """All but the last ``rest`` of the frames that wait."""
    while len(waiting) > rest:
        frame, picture = waiting.popleft()
        yield frame, shot.ends_before(picture, [later for _, later in waiting])


class Shot:
    """The newest pictures of the shot under way, blank ones left out."""

    def __init__(self) -> None:
        self._pictures: deque[Thumbnail] = deque(maxlen=_LAGS[-1] + LOOK_AHEAD)
        # how many of them lie after the dissolve that the shot began with
        self._settled = 0

    def ends_before(self, picture: Thumbnail, later: Sequence[Thumbnail]) -> bool:
        """Whether the next picture begins another shot; it is remembered either way.

        Args:
            picture: the next one.
            later: those after it that are known, up to ``LOOK_AHEAD``.
        """
        if picture.is_blank:
            return False
        after = [picture, *(one for one in later if not one.is_blank)]
        found = next((lag for lag in self._lags() if self._differs(lag, after)), None)
        if found is not None:
            self._pictures.clear()
            self._settled = 1 - found  # a dissolve is over after about as long again
        self._pictures.append(picture)
        self._settled += 1
        return found is not None

    def _lags(self) -> Iterator[int]:
        """Those within the shot; the rest of a dissolve is not found as another."""
        for lag in _LAGS:
            if lag <= (len(self._pictures) if lag == 1 else self._settled):
                yield lag

    def _differs(self, lag: int, after: Sequence[Thumbnail]) -> bool:
        """Whether a new shot has replaced the one of ``lag`` pictures ago."""
        here = len(self._pictures) - lag
        before, picture = self._pictures[here], after[0]
        if agreement(before, picture) > _SURE:
            return False
        if lag > 1 and min(before.contrast, picture.contrast) < _FAINT:
            return False
        span = [*(self._pictures[k] for k in range(here, len(self._pictures))), picture]
        if detour(span) > _DETOUR:
            return False
        if lag > 1 and not self._stands_out(here, span, after):
            return False
        earlier = [self._pictures[k] for k in range(max(0, here - LOOK_AHEAD), here)]
        return (
            _unlike(before, picture)
            and all(_unlike(before, one) for one in after[1:])
            and all(_unlike(one, picture) for one in earlier)
        )

    def _stands_out(self, here: int, span: Sequence[Thumbnail], after: Sequence[Thumbnail]) -> bool:
        """Whether the pictures of ``span``, from number ``here`` on, change faster than those
        before or after them."""
        before = [self._pictures[k] for k in range(max(0, here - _PACE), here + 1)]
        around = [_pace(shot) for shot in (before, after) if len(shot) > 1]
        return bool(around) and _pace(span) > _FASTER * min(around)


def _pace(pictures: Sequence[Thumbnail]) -> float:
    """Mean disagreement of each picture with the next, of two or more."""
    steps = [1 - agreement(one, other) for one, other in itertools.pairwise(pictures)]
    return sum(steps) / len(steps)


def _unlike(first: Thumbnail, second: Thumbnail) -> bool:
    return agreement(first, second) <= _SURE and change(first, second) > _UNLIKE
