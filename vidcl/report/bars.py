"""Bars of invariance: one panel per set, with chance and the interval of every bar."""

from typing import Any

from vidcl.report.metrics import Results, chance_of, is_chance, value_text
from vidcl.report.tables import role_of, set_names, trained_first


def invariance_bars(results: Results, accent: str | None, metric: str) -> list[dict[str, Any]]:
    """Per set: a bar per system, its interval, its chance level, and what chance depends on.

    Positions are in per cent of the panel's width, on one axis from min(0, lowest) to the highest
    number of all panels. The whisker is the 95 % interval, or a standard deviation over seeds to
    both sides.
    """
    panels: list[dict[str, Any]] = []
    for name in set_names(results):
        having = [
            system
            for system in trained_first(results["systems"])
            if system["sets"].get(name, {}).get(metric) is not None
        ]
        bars = []
        for system in having:
            if is_chance(system):
                continue
            values = system["sets"][name]
            low, high = _whisker(values, metric)
            bars.append(
                {
                    "name": system["name"],
                    "role": role_of(system, accent),
                    "value": values[metric],
                    "text": value_text(metric, values[metric]),
                    "low": low,
                    "high": high,
                    "chance": chance_of(results, system, name, metric),
                }
            )
        if not bars:
            continue
        levels = sorted({bar["chance"] for bar in bars if bar["chance"] is not None})
        panels.append(
            {
                "name": name.replace("_", " "),
                "bars": bars,
                "chance": " to ".join(
                    str(value_text(metric, level))
                    for level in dict.fromkeys(levels[:1] + levels[-1:])
                ),
                "facts": _facts(having[0]["sets"][name]),
            }
        )
    _place(panels)
    return panels


def _whisker(values: dict[str, Any], metric: str) -> tuple[float | None, float | None]:
    interval, std = values.get(f"{metric}_interval"), values.get(f"{metric}_std")
    if interval and None not in interval:
        return float(interval[0]), float(interval[1])
    if std is not None:
        return values[metric] - std, values[metric] + std
    return None, None


def _facts(values: dict[str, Any]) -> str:
    size = values.get("set_size") or []
    if "sets" not in values:
        return ""
    return (
        f"{values['sets']} sets"
        + (f" of {size[1]:g} images" if len(size) == 3 else "")
        + f", {values.get('classes', '?')} classes"
    )


def _place(panels: list[dict[str, Any]]) -> None:
    """Add to every bar the shares of the width at which its parts lie."""
    bars = [bar for panel in panels for bar in panel["bars"]]
    ends = [
        bar[key]
        for bar in bars
        for key in ("value", "low", "high", "chance")
        if bar[key] is not None
    ]
    bottom, top = min(0.0, *ends, 0.0), max(ends, default=0.0)
    span = (top - bottom) or 1.0

    def share(value: float) -> float:
        return 100 * (value - bottom) / span

    for bar in bars:
        start, end = sorted((share(0.0), share(bar["value"])))
        bar["from"], bar["width"] = start, end - start
        bar["chance_at"] = None if bar["chance"] is None else share(bar["chance"])
        bar["whisker"] = None
        right = end
        if bar["low"] is not None:
            left, right = share(bar["low"]), max(end, share(bar["high"]))
            bar["whisker"] = {"from": left, "width": share(bar["high"]) - left}
        at = bar["chance_at"]
        # The number stands right of everything; past the chance line where they would touch.
        bar["text_at"] = at if at is not None and right - 1 <= at <= right + 14 else right
