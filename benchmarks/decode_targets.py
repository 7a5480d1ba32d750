"""What the benchmark of decoding is to show: ratios over clips, and the targets."""

import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

PLAIN, EXACT, TOLERANT = "plain PyAV", "vidcl exact", "vidcl tolerance"
#: Streams count as having frames to leave out from this share on.
SKIPPABLE = 0.1
#: At most so many clips below a bound are named.
NAMED = 6

Row = dict[str, Any]


@dataclass(frozen=True)
class Ratio:
    """How many times as fast ``name`` is as ``base`` on one clip.

    Attributes:
        processor, wall: the ratio by processor time and by the clock.
        clip: its name and group.
        seconds: what ``base`` took of the processor.
    """

    processor: float
    wall: float
    clip: str
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """One contestant against another over some clips.

    Attributes:
        chosen: which rows.
        dense: every frame, instead of the first of the rates.
        median, lowest: bounds of the target, where there is one.
    """

    title: str
    base: str
    name: str
    chosen: Callable[[Row], bool]
    dense: bool = False
    median: float | None = None
    lowest: float | None = None


def _group(*names: str) -> Callable[[Row], bool]:
    return lambda row: row["group"] in names


def _with_frames_to_leave_out(row: Row) -> bool:
    return row["group"] == "h264" and row.get("skippable", 0) >= SKIPPABLE


def _without(row: Row) -> bool:
    return row["group"] == "h264" and row.get("skippable", 0) < SKIPPABLE


def _any(row: Row) -> bool:
    return True


TARGETS = (
    Comparison("exact / decord, H.264", "decord", EXACT, _group("h264"), median=1.15),
    Comparison(
        "tolerance / plain, H.264 with frames to leave out",
        PLAIN,
        TOLERANT,
        _with_frames_to_leave_out,
        median=1.4,
    ),
    Comparison(
        "tolerance / plain, a keyframe every half second",
        PLAIN,
        TOLERANT,
        _group("keyed"),
        median=3.0,
    ),
    Comparison("tolerance / plain, Motion JPEG", PLAIN, TOLERANT, _group("mjpeg"), median=3.0),
    Comparison("exact / plain, every clip", PLAIN, EXACT, _any, lowest=0.95),
    Comparison("tolerance / plain, every clip", PLAIN, TOLERANT, _any, lowest=0.95),
    Comparison("every frame / plain, every clip", PLAIN, EXACT, _any, True, lowest=0.95),
)

OTHERS = (
    Comparison("exact / plain, H.264", PLAIN, EXACT, _group("h264")),
    Comparison("exact / OpenCV, H.264", "OpenCV", EXACT, _group("h264")),
    Comparison("exact / torchcodec, H.264", "torchcodec", EXACT, _group("h264")),
    Comparison("tolerance / decord, H.264", "decord", TOLERANT, _group("h264")),
    Comparison("tolerance / OpenCV, H.264", "OpenCV", TOLERANT, _group("h264")),
    Comparison("tolerance / torchcodec, H.264", "torchcodec", TOLERANT, _group("h264")),
    Comparison("tolerance / plain, H.264 with none to leave out", PLAIN, TOLERANT, _without),
    Comparison("exact / plain, a keyframe every half second", PLAIN, EXACT, _group("keyed")),
    Comparison("exact / plain, Motion JPEG", PLAIN, EXACT, _group("mjpeg")),
    Comparison("exact / OpenCV, other codecs", "OpenCV", EXACT, _group("other")),
    Comparison("tolerance / plain, other codecs", PLAIN, TOLERANT, _group("other")),
    Comparison("every frame / plain, H.264", PLAIN, EXACT, _group("h264"), True),
)


def verdicts(results: dict[str, Any]) -> list[str]:
    """A table of the targets: what was wanted, what came, and the clips below a lowest."""
    lines = ["| target | wanted | measured | clips | met |", "|---|---|---|---|---|"]
    for target in TARGETS:
        found = list(ratios(results, target))
        if not found:
            continue
        if target.median is not None:
            value = statistics.median(one.processor for one in found)
            clock = statistics.median(one.wall for one in found)
            met = value >= target.median
            wanted = f"median of {target.median:g}"
            measured = f"{value:.2f} (by the clock {clock:.2f})"
        else:
            assert target.lowest is not None
            below = [one for one in found if one.processor < target.lowest]
            met = not below
            wanted = f"never below {target.lowest:g}"
            low = min(one.processor for one in found)
            measured = f"lowest {low:.2f}" + (f"; below: {_named(below)}" if below else "")
        verdict = "yes" if met else "**no**"
        lines.append(f"| {target.title} | {wanted} | {measured} | {len(found)} | {verdict} |")
    return lines


def _named(below: list[Ratio]) -> str:
    """The slowest, with what the other took: milliseconds tell of a fixed cost."""
    below = sorted(below, key=lambda one: one.processor)
    words = [f"{one.clip} {one.processor:.2f} of {1000 * one.seconds:.0f} ms" for one in below]
    more = f" and {len(below) - NAMED} more" if len(below) > NAMED else ""
    return ", ".join(words[:NAMED]) + more


def summary(results: dict[str, Any]) -> list[str]:
    """The ratios over clips: median and lowest."""
    lines = [
        "| times as fast | clips | median | lowest | median by the clock | lowest at |",
        "|---|---|---|---|---|---|",
    ]
    for asked in (*TARGETS, *OTHERS):
        found = list(ratios(results, asked))
        if not found:
            continue
        low = min(found, key=lambda one: one.processor)
        lines.append(
            f"| {asked.title} | {len(found)} "
            f"| {statistics.median(one.processor for one in found):.2f} | {low.processor:.2f} "
            f"| {statistics.median(one.wall for one in found):.2f} | {low.clip} |"
        )
    return lines


def ratios(results: dict[str, Any], asked: Comparison) -> Iterator[Ratio]:
    """Where both conform."""
    request = "dense" if asked.dense else f"{results['settings']['rates'][0]:g}/s"
    rows: Iterable[Row] = filter(asked.chosen, results["clips"])
    for row in rows:
        taken = row.get("requests", {}).get(request, {})
        one, other = taken.get(asked.base, {}), taken.get(asked.name, {})
        if "processor" in one and "processor" in other:
            yield Ratio(
                one["processor"] / other["processor"],
                one["wall"] / other["wall"],
                f"{row['clip']} ({row['group']})",
                one["processor"],
            )
