"""Decode only what the wanted pictures need."""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Iterator
from typing import Any

from av.packet import Packet

from vidcl.video.choose import Choice, Chooser
from vidcl.video.decode import ended
from vidcl.video.frames import DecodeEnd
from vidcl.video.looks import Irregular, Look
from vidcl.video.opened import Opened, is_last
from vidcl.video.output import Delivery, Output, PlanFailed
from vidcl.video.packets import Coded, PacketReader
from vidcl.video.probe import DECODE_ERRORS, reason
from vidcl.video.sampling import RateSampler
from vidcl.video.waiting import Waiting

#: Pictures whose place in the order of presentation is open; more mean that times are wrong.
_MOST_UNORDERED = 64


class Plan:
    """Pictures of one stream, of which only those that are needed are decoded.

    Packets are read ahead until the order of presentation is known; the chooser then names the
    wanted pictures. Packets wait undecoded until one of them, or one after them, is wanted, and
    are dropped when a clean picture comes before any is. Of those decoded, pictures that nobody
    refers to and nobody wants are left out. Where the packets are irregular, all is decoded from
    there on; the state of the decoder is by then that of a full decode. What a packet gives is
    given before the next is decoded, so few pictures are held.

    Args:
        opened: a file at its beginning, or at a clean picture.
        look: reads its packets; new.
        chooser: which pictures to give.
        sampler: what the chooser asks for the exact ones; bounded by ``bounds`` it serves where
            all is decoded. None where it cannot.
        bounds: times between which pictures are asked for.
        first_time: when the first picture of the file is shown, in seconds.
        result: is kept up to date.
    """

    def __init__(
        self,
        opened: Opened,
        look: Look,
        chooser: Chooser,
        sampler: RateSampler[Any] | None,
        bounds: tuple[float | None, float | None],
        first_time: float,
        result: DecodeEnd,
    ) -> None:
        self._opened = opened
        self._context = opened.stream.codec_context
        self._chooser, self._sampler, self._bounds = chooser, sampler, bounds
        self._first_time, self._result = first_time, result
        self._read = PacketReader(opened.stream, look, opened.by_dts)
        self._output = Output(opened, sampler, result)
        self._waiting = Waiting()
        self._unordered: list[tuple[int, int, Coded]] = []
        self._count = itertools.count()
        self._due: deque[Choice] = deque()  # chosen, and not yet decoded
        self._gap = self._given_up = self._everything = False
        self._left: Packet | None = None
        self._front = self._reach = -math.inf

    def pictures(self) -> Iterator[Delivery]:
        """The chosen pictures, in order of time.

        Raises:
            PlanFailed: a picture is missing or damaged, or the decoder refuses a packet.
        """
        try:
            for packet in self._opened.packets:
                self._take(packet, begun=True)
            if self._given_up:
                yield from self._work()
            self._output.came(self._opened.frames)
            self._opened.packets, self._opened.frames = [], []
            yield from self._work()
            for packet in () if self._done() else self._opened.rest:
                if is_last(packet):
                    break
                self._take(packet)
                if self._due or self._given_up or self._waiting.surplus():
                    yield from self._work()
                else:
                    self._drop(self._output.open)
                if self._done():
                    break
            yield from self._finish()
        except DECODE_ERRORS as error:
            raise PlanFailed(f"a packet cannot be decoded ({reason(error)})") from error

    def _done(self) -> bool:
        if self._everything:
            return self._sampler is not None and self._sampler.done and not self._output.choices
        return self._chooser.done

    def _take(self, packet: Packet, begun: bool = False) -> None:
        """Read one packet on; it was decoded already where it is ``begun``."""
        if self._given_up:
            if not begun:
                self._output.came(self._context.decode(packet))
            return
        try:
            coded = self._read(packet)
            if len(self._unordered) > _MOST_UNORDERED:
                raise Irregular("the order of presentation stays open")
        except Irregular as irregular:
            self._abandon(str(irregular), None if begun else packet)
            return
        if begun:
            self._mark(coded)
        else:
            self._waiting.push(coded)
        if not coded.hidden:
            heapq.heappush(self._unordered, (coded.pts, next(self._count), coded))
        dts = packet.dts
        if dts is not None:
            while self._unordered and self._unordered[0][0] <= dts:
                if self._unordered[0][2].time <= self._front:
                    self._abandon("two pictures have one time", None)
                    break
                self._present(heapq.heappop(self._unordered)[2])

    def _present(self, coded: Coded) -> None:
        """The next picture in order of presentation."""
        self._front = coded.time
        choices = self._chooser.push(coded)
        self._output.open = self._chooser.open
        if choices:
            self._expect(choices)

    def _expect(self, choices: list[Choice]) -> None:
        for choice in choices:
            choice.coded.wanted = True
        self._due.extend(choices)
        self._output.choices.extend(choices)

    def _work(self) -> Iterator[Delivery]:
        """Decode what has been decided, and give what comes of it."""
        output = self._output
        while self._due:
            choice = self._due.popleft()
            self._drop(choice.coded.time)
            while not choice.coded.taken:
                if not self._waiting:
                    raise PlanFailed("a wanted picture was passed over")
                self._decode(self._waiting.pop())
                if output.waiting:
                    yield from output.deliver()
        if self._given_up:
            if not self._everything:
                yield from self._decode_everything()
        else:
            self._drop(output.open)
            for _ in range(self._waiting.surplus()):
                self._decode(self._waiting.pop())
                yield from output.deliver()
        yield from output.deliver()

    def _drop(self, time: float) -> None:
        """Forget packets that nothing from ``time`` on needs."""
        for coded in self._waiting.before(time):
            self._gap = self._gap or not coded.nonref
            self._result.plan = "skip"

    def _decode(self, coded: Coded) -> None:
        if coded.nonref and coded.settled and not coded.wanted and not self._everything:
            coded.taken = True
            self._result.plan = "skip"
            return
        if self._gap:
            self._gap = False
            if self._output.choices:
                self._drain()
            self._context.flush_buffers()
        self._mark(coded)
        self._output.came(self._context.decode(coded.packet))

    def _mark(self, coded: Coded) -> None:
        """Note that a picture goes into the decoder."""
        coded.taken = True
        if not coded.hidden and coded.time > self._reach:
            self._reach = coded.time
        coded.reach = self._reach

    def _drain(self) -> None:
        if not self._opened.drained:
            self._output.came(self._context.decode(None))

    def _abandon(self, why: str, packet: Packet | None) -> None:
        """Decode everything from here on: what waits, then ``packet``."""
        if self._sampler is None:
            raise PlanFailed(why)
        self._result.fallback = why
        self._given_up = True
        self._left = packet
        self._unordered.clear()
        choices = self._chooser.finish("plain")
        self._output.open = self._chooser.open
        self._expect(choices)

    def _decode_everything(self) -> Iterator[Delivery]:
        assert self._sampler is not None
        self._sampler.bound(*self._bounds)
        self._everything = True
        self._output.take_everything(self._front)
        while self._waiting:
            self._decode(self._waiting.pop())
            yield from self._output.deliver()
        if self._left is not None:
            self._output.came(self._context.decode(self._left))

    def _finish(self) -> Iterator[Delivery]:
        output, error, done = self._output, None, self._done()
        if self._everything:
            if not done or output.choices:
                self._drain()
        elif not done:
            while self._unordered and not self._chooser.done:
                coded = heapq.heappop(self._unordered)[2]
                if coded.time <= self._front:
                    raise PlanFailed("two pictures have one time")
                self._present(coded)
            done = self._chooser.done
        if not done:
            last = max(output.last, self._front)
            error = ended(self._opened, self._first_time, None if last == -math.inf else last)
            if not self._everything:
                choices = self._chooser.finish("end" if error is None else "cut")
                output.open = self._chooser.open
                self._expect(choices)
        yield from self._work()
        output.open = math.inf
        if output.choices and not self._everything:
            self._drain()
        output.ended = True
        yield from output.deliver()
        if output.choices:
            raise PlanFailed("a wanted picture did not come out of the decoder")
        if not done:
            self._result.error = error
            self._result.reason = "end" if error is None else "error"
