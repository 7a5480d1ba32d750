"""The choice within a tolerance, against its rules applied to the whole list of pictures."""

import itertools

import numpy as np
import pytest
from av.packet import Packet

from vidcl.video.choose import ExactChooser, TolerantChooser
from vidcl.video.looks import CLEAN, NONREF
from vidcl.video.packets import Coded
from vidcl.video.sampling import RateSampler, TimesSampler


def pictures(generator: np.random.Generator, count: int = 80) -> list[Coded]:
    """Pictures in order of presentation, at uneven times, some of them clean or unreferenced."""
    steps = generator.choice([1, 1, 1, 2, 7], count)
    clean = generator.random(count) < generator.choice([0.05, 0.2, 0.6])
    clean[0] = True
    nonref = generator.random(count) < generator.choice([0.0, 0.5, 0.8])
    made = []
    for index, pts in enumerate(np.cumsum(steps)):
        flags = CLEAN if clean[index] else NONREF if nonref[index] else 0
        made.append(Coded(Packet(10), int(pts), int(pts) / 20, flags))
    return made


def slow_choice(shown: list[Coded], exact: list[Coded], tolerance: float) -> list[Coded]:
    """Every rule of ``TolerantChooser``, group by group, looking at everything at once."""
    keys = [one for one in shown if one.clean]

    def near(candidates: list[Coded], wanted: Coded) -> Coded | None:
        within = [one for one in candidates if abs(one.time - wanted.time) <= tolerance + 1e-9]
        return min(within, key=lambda one: (abs(one.time - wanted.time), one.time), default=None)

    def winner(candidate: Coded, claimants: list[Coded]) -> Coded:
        early = [one for one in claimants if one.time <= candidate.time]
        return early[-1] if early else claimants[0]

    key_claims = {id(one): near(keys, one) for one in exact}
    chosen = []
    for index, key in enumerate(keys):
        until = keys[index + 1].time if index + 1 < len(keys) else np.inf
        ticks = [one for one in exact if key.time <= one.time < until]
        claims = [key_claims[id(one)] for one in ticks]
        if all(
            claim is not None
            and winner(claim, [e for e in exact if key_claims[id(e)] is claim]) is e
            for e, claim in zip(ticks, claims, strict=True)
        ):
            chosen += [claim for claim in claims if claim is not None]
            continue
        before = [e for e in exact if e.time < key.time and key_claims[id(e)] is key]
        taken = bool(before) and key not in exact
        candidates = [
            one
            for one in shown
            if key.time <= one.time < until and not one.nonref and not (one is key and taken)
        ]
        nearest = {id(one): near(candidates, one) for one in ticks}
        for one in ticks:
            claim = nearest[id(one)]
            rivals = [e for e in ticks if nearest[id(e)] is claim]
            chosen.append(one if claim is None or winner(claim, rivals) is not one else claim)
    return chosen


@pytest.mark.parametrize("seed", range(60))
def test_choices_follow_the_rules(seed: int) -> None:
    generator = np.random.default_rng(seed)
    shown = pictures(generator)
    rate = float(generator.choice([0.5, 1.3, 2.0, 5.0, 12.0]))
    tolerance = float(generator.choice([0.06, 0.5 / rate, 1.0]))
    exact_sampler: RateSampler[Coded] = RateSampler(rate, shown[0].time, 1e-3)
    exact = [one for one in shown if (exact_sampler.push(one, one.time) or (one, 0))[1]]

    sampler: RateSampler[Coded] = RateSampler(rate, shown[0].time, 1e-3)
    chooser = TolerantChooser(sampler, tolerance, None, None)
    choices, open_times = [], []
    for one in shown:
        for choice in chooser.push(one):
            assert not open_times or choice.coded.time >= open_times[-1]
            choices.append(choice)
        open_times.append(chooser.open)
    choices += chooser.finish("end")

    assert [choice.exact_time for choice in choices] == [one.time for one in exact]
    times = [choice.coded.time for choice in choices]
    assert times == [one.time for one in slow_choice(shown, exact, tolerance)]
    assert all(a < b for a, b in itertools.pairwise(times))
    assert all(abs(c.coded.time - c.exact_time) <= tolerance + 1e-6 for c in choices)
    assert open_times == sorted(open_times)


@pytest.mark.parametrize("seed", range(30))
def test_choices_do_not_depend_on_where_reading_began(seed: int) -> None:
    generator = np.random.default_rng(100 + seed)
    shown = pictures(generator)
    rate, tolerance = 3.0, 0.3

    def choose(first: int, start: float | None, end: float | None) -> list[tuple[float, float]]:
        sampler: RateSampler[Coded] = RateSampler(rate, shown[0].time, 1e-3)
        chooser = TolerantChooser(sampler, tolerance, start, end)
        found = []
        for one in shown[first:]:
            found += chooser.push(one)
            if chooser.done:
                break
        else:
            found += chooser.finish("end")
        return [(choice.coded.time, choice.exact_time) for choice in found]

    whole = choose(0, None, None)
    cut = float(generator.uniform(shown[0].time, shown[-1].time))
    keys = [index for index, one in enumerate(shown) if one.clean and one.time < cut]
    first = keys[-2] if len(keys) > 1 else 0
    assert choose(0, None, cut) + choose(first, cut, None) == whole


def test_without_tolerance_the_exact_ones_are_chosen() -> None:
    shown = pictures(np.random.default_rng(3))
    sampler: TimesSampler[Coded] = TimesSampler([shown[4].time, shown[4].time, 1e6], 1e-3)
    chooser = ExactChooser(sampler)
    choices = [choice for one in shown for choice in chooser.push(one)] + chooser.finish("end")
    assert [(choice.coded, choice.count) for choice in choices] == [(shown[4], 2), (shown[-1], 1)]


def test_a_long_group_is_not_looked_through_for_a_cheaper_plan() -> None:
    shown = [Coded(Packet(10), k, k / 20, 0 if k else CLEAN) for k in range(2000)]
    sampler: TimesSampler[Coded] = TimesSampler([0.05, 90.0], 1e-3)
    chooser = TolerantChooser(sampler, 0.1, None, None)
    found = []
    for one in shown[:700]:
        found += chooser.push(one)
    assert [choice.coded for choice in found] == [shown[1]]
