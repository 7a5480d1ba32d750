"""Geometry of line charts; the template draws it, so every text passes its escaping."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["accent", "trained", "control"]

WIDTH, HEIGHT = 440, 280
LEFT, RIGHT, TOP, BOTTOM = 40, 128, 14, 36
LABEL_SPACING = 13.5
#: Longest name at a line's end, in letters.
LABEL_LETTERS = 17
#: Colours there are for trained systems beside the accent; the style sheet has one class each.
HUES = 6
DASHES = ("", "7 3", "2.5 3", "9 3 2 3", "5 5")


@dataclass(frozen=True)
class Series:
    """A named line; ``points`` are (x, y) with x ascending."""

    name: str
    role: Role
    points: Sequence[tuple[float, float]]
    spread: Sequence[float] = field(default_factory=tuple)
    """Half-widths of the band around the line, one per point, or nothing."""
    bounds: Sequence[tuple[float, float]] = field(default_factory=tuple)
    """Or the band itself: (low, high), one per point."""


def line_chart(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    x_ticks: Sequence[float] | None = None,
    y_from_zero: bool = True,
    reference: tuple[float, str] | None = None,
    dots: bool = False,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> dict[str, Any] | None:
    """Everything the template needs to draw one chart; None without points.

    It has the (width, height) of ``size``, or is as high as the names at its lines' ends need.

    ``reference`` is a level (y, name) drawn as a dashed line across.
    """
    series = [line for line in series if line.points]
    if not series:
        return None
    xs = [x for line in series for x, _ in line.points]
    ys = [y for line in series for _, y in line.points] + ([reference[0]] if reference else [])
    ys += [y for line in series for bound in line.bounds for y in bound]
    width = size[0]
    full = max(size[1], round(TOP + BOTTOM + LABEL_SPACING * len(series)))
    x_low, x_high = min(xs), max(xs)
    y_ticks = nice_ticks(0.0 if y_from_zero else min(ys), max(ys))
    if x_ticks is None:
        x_ticks = [tick for tick in nice_ticks(x_low, x_high) if x_low <= tick <= x_high]
    else:
        x_low, x_high = min(x_low, *x_ticks), max(x_high, *x_ticks)

    def across(x: float) -> float:
        span = (x_high - x_low) or 1.0
        return LEFT + (x - x_low) / span * (width - LEFT - RIGHT)

    def up(y: float) -> float:
        span = (y_ticks[-1] - y_ticks[0]) or 1.0
        return full - BOTTOM - (y - y_ticks[0]) / span * (full - TOP - BOTTOM)

    trained = [line.name for line in series if line.role == "trained"]
    hues = {name: number % HUES for number, name in enumerate(trained)}
    lines = []
    for number, line in enumerate(series):
        points = [(round(across(x), 1), round(up(y), 1)) for x, y in line.points]
        lines.append(
            {
                "name": line.name,
                "label": shortened(line.name, LABEL_LETTERS),
                "role": line.role,
                "hue": hues.get(line.name, 0),
                "dash": "" if line.role == "accent" else DASHES[number % len(DASHES)],
                "path": " ".join(f"{x},{y}" for x, y in points),
                "band": _band(line, across, up),
                "dots": points if dots else [],
                "end": points[-1],
            }
        )
    _place_labels(lines, float(full - BOTTOM))
    # The accent is drawn last, over the others.
    lines.sort(key=lambda line: ("control", "trained", "accent").index(line["role"]))
    return {
        "width": width,
        "height": full,
        "left": LEFT,
        "right": width - RIGHT,
        "top": TOP,
        "bottom": full - BOTTOM,
        "x_label": x_label,
        "y_label": y_label,
        "x_ticks": [(round(across(tick), 1), number_text(tick)) for tick in x_ticks],
        "y_ticks": [(round(up(tick), 1), number_text(tick)) for tick in y_ticks],
        "lines": lines,
        "reference": None if reference is None else (round(up(reference[0]), 1), reference[1]),
    }


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About ``count`` round numbers that reach from at or below ``low`` to at or above ``high``."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def number_text(value: float) -> str:
    """Short text for a tick: 12000 becomes 12k."""
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:g}"


def shortened(name: str, most: int) -> str:
    """A name of at most ``most`` letters: both ends, since what tells names apart may be last."""
    if len(name) <= most:
        return name
    return f"{name[: most // 3]}…{name[most // 3 + 1 - most :]}"


def thin(points: Sequence[tuple[float, float]], most: int = 160) -> list[tuple[float, float]]:
    """At most ``most`` points, each the mean of as many neighbours."""
    if len(points) <= most:
        return list(points)
    result = []
    for k in range(most):
        part = points[k * len(points) // most : (k + 1) * len(points) // most]
        result.append((sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)))
    return result


def _band(line: Series, across: Any, up: Any) -> str:
    bounds = line.bounds
    if not bounds and len(line.spread) == len(line.points):
        spread = zip(line.points, line.spread, strict=True)
        bounds = [(y - half, y + half) for (_, y), half in spread]
    if len(bounds) != len(line.points):
        return ""
    both = list(zip(line.points, bounds, strict=True))
    upper = [(across(x), up(high)) for (x, _), (_, high) in both]
    lower = [(across(x), up(low)) for (x, _), (low, _) in reversed(both)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in upper + lower)


def _place_labels(lines: list[dict[str, Any]], limit: float) -> None:
    """Labels at the lines' ends, moved apart where they would overlap."""
    ordered = sorted(lines, key=lambda line: line["end"][1])
    places: list[float] = []
    for line in ordered:
        floor = places[-1] + LABEL_SPACING if places else TOP
        places.append(max(line["end"][1], floor))
    for k in range(len(places) - 1, -1, -1):
        places[k] = min(places[k], limit)
        limit = places[k] - LABEL_SPACING
    for line, place in zip(ordered, places, strict=True):
        line["label_y"] = round(place, 1)
