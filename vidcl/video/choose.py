"""Which pictures are decoded for a request: the exact ones, or cheaper ones close to them."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal, Protocol

from vidcl.video.packets import Coded
from vidcl.video.sampling import Sampler

#: A group of pictures this long or heavy is not looked through for a cheaper plan.
_MOST_PICTURES = 600
_MOST_BYTES = 32 * 2**20

#: Seconds that a tolerance is wider than asked for, because times are rounded.
_ROUNDING = 1e-9

#: Why no more pictures are pushed: there is none (``end``), the rest of the file is missing
#: (``cut``), or the rest is selected by other means (``plain``).
Ending = Literal["end", "cut", "plain"]


@dataclass(frozen=True)
class Choice:
    """A picture to give, how often, and the time of the exact one it stands for."""

    coded: Coded
    count: int
    exact_time: float


class Chooser(Protocol):
    """Takes pictures in order of presentation and says which are to be given.

    Attributes:
        open: seconds; no picture before this time will be chosen any more.
        done: nothing more will be chosen.
    """

    open: float
    done: bool

    def push(self, coded: Coded) -> list[Choice]:
        """Choices that have become certain, in order of time."""
        ...

    def finish(self, ending: Ending) -> list[Choice]:
        """The remaining choices among the pictures that were pushed."""
        ...


class ExactChooser:
    """Chooses what the sampler selects."""

    def __init__(self, sampler: Sampler[Coded]) -> None:
        self._sampler = sampler
        self.open = -math.inf
        self.done = sampler.done

    def push(self, coded: Coded) -> list[Choice]:
        result = self._sampler.push(coded, coded.time)
        self.done = self._sampler.done
        return [] if result is None else self._settle(*result)

    def finish(self, ending: Ending) -> list[Choice]:
        result = self._sampler.finish() if ending == "end" else None
        return [] if result is None else self._settle(*result)

    def _settle(self, coded: Coded, count: int) -> list[Choice]:
        coded.settled = True
        self.open = math.nextafter(coded.time, math.inf)
        return [Choice(coded, count, coded.time)] if count else []


class TolerantChooser:
    """Chooses, group by group, from keyframes alone, else from reference pictures.

    A group is what is shown from one clean keyframe up to the next, and it owns the ticks whose
    exact picture lies in it. Where each of them has a keyframe of its own within ``tolerance``
    (that of the group or the one after), keyframes are all that is decoded. Else each takes the
    nearest reference picture of the group within ``tolerance``, and its exact picture where there
    is none. Of ticks that are nearest to the same picture, the last one at or before it takes it,
    or where all lie after it the first; the others take their exact pictures. So times increase,
    and the choice depends on the group and on the end of the one before, not on where reading
    began.

    Args:
        sampler: selects the exact pictures, over the whole stream.
        tolerance: seconds.
        start, end: ticks are kept whose exact picture has ``start <= time < end``.
    """

    def __init__(
        self, sampler: Sampler[Coded], tolerance: float, start: float | None, end: float | None
    ) -> None:
        self._sampler = sampler
        self._tolerance = tolerance + _ROUNDING
        self._start = -math.inf if start is None else start
        self._end = math.inf if end is None else end
        self.open = -math.inf
        self.done = sampler.done
        self._front = -math.inf
        self._begin(None, False)

    def _begin(self, key: Coded | None, claimed: bool) -> None:
        self._key = key
        self._claimed = claimed
        self._references = key is None
        self._candidates: deque[Coded] = deque()
        if key is not None and not claimed:
            self._candidates.append(key)
        self._ticks: deque[tuple[Coded, int]] = deque()
        self._nearest: Coded | None = None
        self._pictures = self._bytes = 0

    def push(self, coded: Coded) -> list[Choice]:
        result = self._sampler.push(coded, coded.time)
        choices = [] if result is None else self._take(*result)
        owned = bool(self._ticks) and self._ticks[0][0].time < self._end
        self.done = not owned and (self._sampler.done or self._front >= self._end)
        return [choice for choice in choices if self._start <= choice.exact_time < self._end]

    def finish(self, ending: Ending) -> list[Choice]:
        choices = []
        result = self._sampler.finish() if ending == "end" else None
        if result is not None:
            choices += self._take(*result)
        choices += self._give_up() if ending == "plain" else self._close(None, False)
        self.open = math.nextafter(self._front, math.inf)
        return [choice for choice in choices if self._start <= choice.exact_time < self._end]

    def _take(self, coded: Coded, count: int) -> list[Choice]:
        """One picture, in order of presentation; ``count`` above 0 where it is exact for a tick."""
        self._front = coded.time
        choices = []
        if coded.clean:
            choices += self._close(coded, count > 0)
        elif not coded.nonref and not coded.leading:
            self._candidates.append(coded)
        if count:
            self._ticks.append((coded, count))
        else:
            coded.settled = True
        self._pictures += 1
        self._bytes += coded.packet.size
        if not self._references and (self._keys_fail() or self._too_long()):
            self._references = True
        if self._references:
            choices += self._by_references(self._front - self._tolerance)
        self.open = -math.inf if self._key is None else self._key.time
        if self._references:
            waiting = self._ticks[0][0].time if self._ticks else self._front
            self.open = max(self.open, waiting - self._tolerance)
        return choices

    def _too_long(self) -> bool:
        return self._pictures > _MOST_PICTURES or self._bytes > _MOST_BYTES

    def _keys_fail(self) -> bool:
        """Whether some tick is too far from the keyframe before it and from any after it."""
        assert self._key is not None
        for coded, _ in self._ticks:
            if coded.time > self._key.time + self._tolerance:
                return self._front > coded.time + self._tolerance
        return False

    def _close(self, key: Coded | None, exact: bool) -> list[Choice]:
        """End the group: ``key`` is the next keyframe, ``exact`` where a tick selects it."""
        claims = self._claims(key)
        choices = None if self._references else self._by_keys(claims, key, exact)
        if choices is None:
            choices = self._by_references(math.inf)
        claimed = bool(claims) and key is not None and claims[-1] is key and not exact
        self._begin(key, claimed)
        return choices

    def _claims(self, key: Coded | None) -> list[Coded | None]:
        """The keyframe nearest to each tick of the group, or None beyond the tolerance."""
        keys = [one for one in (self._key, key) if one is not None]
        return [self._closest(keys, coded) for coded, _ in self._ticks] if keys else []

    def _by_keys(
        self, claims: list[Coded | None], key: Coded | None, exact: bool
    ) -> list[Choice] | None:
        """Choices from keyframes alone, or None where that leaves a tick without one."""
        choices = []
        last: Coded | None = self._key if self._claimed else None
        for index, ((coded, count), claim) in enumerate(zip(self._ticks, claims, strict=True)):
            if claim is None or claim is last:
                return None
            following = index + 1 < len(claims) and claims[index + 1] is claim
            if claim is key and (exact or following):
                return None
            choices.append(Choice(claim, count, coded.time))
            last = claim
        for coded, _ in self._ticks:
            coded.settled = True
        self._ticks.clear()
        return choices

    def _by_references(self, until: float) -> list[Choice]:
        """Choices from reference pictures, for ticks whose surroundings are known."""
        choices = []
        while self._ticks and self._ticks[0][0].time < until:
            coded, count = self._ticks.popleft()
            coded.settled = True
            nearest = self._closest(self._candidates, coded)
            chosen = coded
            if nearest is not None and not self._is_taken(nearest, coded):
                chosen = nearest
            self._nearest = nearest
            choices.append(Choice(chosen, count, coded.time))
            while len(self._candidates) > 1 and self._candidates[1].time < coded.time:
                self._candidates.popleft()
        return choices

    def _is_taken(self, nearest: Coded, coded: Coded) -> bool:
        """Whether a tick before or after the one of ``coded`` has the better claim."""
        if nearest.time < coded.time:
            return nearest is self._nearest
        return bool(self._ticks) and self._ticks[0][0].time <= nearest.time

    def _give_up(self) -> list[Choice]:
        choices = [Choice(coded, count, coded.time) for coded, count in self._ticks]
        for coded, _ in self._ticks:
            coded.settled = True
        self._ticks.clear()
        return choices

    def _closest(self, pictures: "deque[Coded] | list[Coded]", coded: Coded) -> Coded | None:
        """The one nearest in time within the tolerance; of two, the earlier."""
        best: Coded | None = None
        for one in pictures:
            distance = abs(one.time - coded.time)
            if distance <= self._tolerance and (
                best is None or distance < abs(best.time - coded.time)
            ):
                best = one
        return best
