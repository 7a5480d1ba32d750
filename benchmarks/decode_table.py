"""The tables of the benchmark of decoding, from its numbers."""

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.decode_targets import PLAIN, summary, verdicts

TITLES = {
    "h264": "H.264",
    "other": "Other codecs",
    "keyed": "H.264 with a keyframe every half second",
    "mjpeg": "Motion JPEG",
}


def markdown(results: dict[str, Any]) -> str:
    """What was asked, whether the targets are met, a summary, and a table per group of clips."""
    settings, found = results["settings"], results["provenance"]
    loads = found["load"] or [0.0]
    lines = [
        f"Short side {settings['short_side']}, one thread on one core of {found['cpu']}, median "
        f"of {settings['repeats']}, load {min(loads):.1f} to {max(loads):.1f}, commit "
        f"{found['commit']}. Ratios are times as fast as plain PyAV, by processor time.",
        "",
        *verdicts(results),
        "",
        *summary(results),
    ]
    for group, title in TITLES.items():
        rows = [row for row in results["clips"] if row["group"] == group]
        if rows:
            lines += ["", f"### {title}", "", *table(rows, settings["contestants"])]
    return "\n".join(lines)


def table(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> list[str]:
    requests = list(dict.fromkeys(key for row in rows for key in row.get("requests", {})))
    heads = ["clip", "size", "frames", "left out"]
    for request in requests:
        heads.append(f"plain ms, {request}")
        taking = [name for name in names if name != PLAIN and _takes(rows, request, name)]
        heads += [f"{name}, {request}" for name in taking]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        if "fault" in row:
            lines.append(f"| {row['clip']} | {_fault(row)} |" + " |" * (len(heads) - 2))
            continue
        cells = [
            row["clip"],
            f"{row['width']}x{row['height']}",
            str(row["frames"]),
            f"{row['skippable']:.0%}",
        ]
        for request in requests:
            taken = row["requests"].get(request, {})
            base = taken.get(PLAIN, {}).get("processor")
            cells.append(f"{1000 * base:.0f}" if base else _fault(taken.get(PLAIN, {})))
            for name in names:
                if name != PLAIN and _takes(rows, request, name):
                    cells.append(_cell(taken.get(name, {}), base))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _cell(taken: dict[str, Any], base: float | None) -> str:
    if "processor" not in taken:
        return _fault(taken)
    return f"{base / taken['processor']:.2f}" if base else f"{1000 * taken['processor']:.0f} ms"


def _fault(taken: dict[str, Any]) -> str:
    """Words for a cell without a time."""
    return str(taken.get("fault", "")).replace("|", "/")


def _takes(rows: Iterable[dict[str, Any]], request: str, name: str) -> bool:
    return any(name in row.get("requests", {}).get(request, {}) for row in rows)
