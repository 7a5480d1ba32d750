"""One pass over a file: by a plan where the stream allows one, else decoding every picture."""

import dataclasses
import itertools
import math
from collections.abc import Generator
from contextlib import closing

from vidcl.video.clock import grain_of
from vidcl.video.decode import Picture, decode_from
from vidcl.video.frames import DecodeEnd
from vidcl.video.looks import Irregular, Look
from vidcl.video.opened import Opened
from vidcl.video.output import Delivery, PlanFailed
from vidcl.video.packets import Coded, PacketReader, look_for
from vidcl.video.plan import Plan
from vidcl.video.probe import DECODE_ERRORS
from vidcl.video.request import RateRequest, TimesRequest
from vidcl.video.sampling import RateSampler, TimesSampler

Request = RateRequest | TimesRequest


def pass_over(
    opened: Opened, request: Request, tolerance: float, first_time: float, result: DecodeEnd
) -> Generator[Delivery, None, None]:
    """The pictures that ``request`` selects, or those within ``tolerance`` of them.

    Args:
        opened: a file at its beginning; it is closed at the end.
        first_time: when the first picture is shown, in seconds.
        result: is kept up to date.
    """
    average = opened.stream.average_rate
    rate = average.numerator / average.denominator if average else None
    given, exact_time, time = 0, -math.inf, -math.inf
    with closing(opened):
        look = None
        if not request.is_dense(rate):
            look = look_for(opened.stream, opened.by_dts)
        if look is None:
            yield from _plain(opened, request, first_time, result)
            return
        try:
            for delivery in _planned(opened, look, request, tolerance, first_time, result):
                given += delivery.repeats
                exact_time, time = delivery.exact_time, delivery.time
                yield delivery
            return
        except PlanFailed as failure:
            result.fallback = str(failure)
            result.reason, result.error = "limit", None
    if isinstance(request, TimesRequest):
        request = dataclasses.replace(request, times=request.times[given:])
    elif exact_time > -math.inf:
        request = dataclasses.replace(request, after=exact_time)
    with closing(Opened(opened.path)) as again:
        for delivery in _plain(again, request, first_time, result):
            if delivery.time > time or isinstance(request, TimesRequest):
                yield delivery


def _planned(
    opened: Opened,
    look: Look,
    request: Request,
    tolerance: float,
    first_time: float,
    result: DecodeEnd,
) -> Generator[Delivery, None, None]:
    chooser, sampler = request.chooser(grain_of(opened.stream), tolerance)
    begin = request.begin
    if begin is None or begin <= first_time + 1.0 or not opened.seekable():
        plan = Plan(opened, look, chooser, sampler, request.bounds, first_time, result)
        yield from plan.pictures()
        return
    if not _land(opened, begin, tolerance > 0, first_time):
        opened.close()
        opened = Opened(opened.path)
    with closing(opened):
        again = look_for(opened.stream, opened.by_dts)
        if again is None:
            raise PlanFailed("the file has changed")
        plan = Plan(opened, again, chooser, sampler, request.bounds, first_time, result)
        yield from plan.pictures()


def _land(opened: Opened, begin: float, two: bool, first_time: float) -> bool:
    """Go to a clean picture before ``begin``, to the second before it where ``two`` are needed.

    False where there is none; the file then stands anywhere.
    """
    base = opened.stream.time_base
    if base is None:
        return False
    try:
        coded = _first_after(opened, int((begin - 0.5) / base))
        if coded is None or coded.time >= begin:
            return False
        if not two or coded.time <= first_time:
            return True
        before = _first_after(opened, min(coded.pts, coded.packet.dts or coded.pts) - 1)
        return before is not None and (before.time < coded.time or before.time <= first_time)
    except DECODE_ERRORS:
        return False


def _first_after(opened: Opened, stamp: int) -> Coded | None:
    """Jump; the clean picture that comes first there, or None where another one does."""
    opened.jump(stamp)
    look = look_for(opened.stream, opened.by_dts)
    packet = next(opened.rest, None)
    if packet is None or look is None:
        return None
    opened.rest = itertools.chain([packet], opened.rest)
    try:
        coded = PacketReader(opened.stream, look, opened.by_dts)(packet)
    except Irregular:
        return None
    return coded if coded.clean else None


def _plain(
    opened: Opened, request: Request, first_time: float, result: DecodeEnd
) -> Generator[Delivery, None, None]:
    sampler: RateSampler[Picture] | TimesSampler[Picture] = request.sampler(grain_of(opened.stream))
    with closing(decode_from(opened, request.begin, first_time, result)) as pictures:
        quiet = sampler.quiet
        for picture in pictures:
            time = picture[1]
            if time < quiet:
                continue
            hit = sampler.push(picture, time)
            quiet = sampler.quiet
            if hit is not None and hit[1]:
                (frame, time, corrupt), count = hit
                yield Delivery(frame, time, count, time, corrupt)
            if sampler.done:
                return
        if result.reason == "end":
            hit = sampler.finish()
            if hit is not None and hit[1]:
                (frame, time, corrupt), count = hit
                yield Delivery(frame, time, count, time, corrupt)
