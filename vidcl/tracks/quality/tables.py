"""Results as Markdown tables."""

from collections.abc import Iterator, Mapping
from typing import Any

from vidcl.tracks.config import TrackerName
from vidcl.tracks.quality.bootstrap import Estimate
from vidcl.tracks.quality.results import difference, estimate

#: What the others are compared with.
REFERENCE: TrackerName = "csrt"

#: Headings name their sequences up to so many.
MOST_NAMED = 16

_SUCCESS = {
    "auc": "success AUC",
    "above": "IoU > 0.5",
    "iou": "mean IoU",
    "precision": "within 20 px",
}
_KEPT = {
    "purity": "purity (boxes)",
    "track_purity": "purity (mean over tracks)",
    "kept_share": "kept share",
    "kept_length": "kept length, frames",
}
_CHAIN = {
    "recall": "recall",
    "coverage": "recall of kept",
    "purity": "purity (boxes)",
    "track_purity": "purity (mean over tracks)",
    "kept_seconds": "kept length, s",
    "on_object": "kept that began on an object",
    "pairs": "pairs of one object",
    "regions": "regions begun per run",
}
#: Not shares: one decimal will do.
_LENGTHS = ("kept_length", "kept_seconds", "regions")


def write_tables(results: Mapping[str, Any], groups: Mapping[str, list[str]], seed: int) -> str:
    """All tables of the results, ready to paste.

    Args:
        results: as ``benchmarks/tracking.py`` saves them: ``trackers`` (name -> ``first``,
            ``starts``, ``kept``: sequence -> ``Sums``; ``ends``; ``time``) and ``chains`` (name ->
            ``sums``), each part of which may be missing.
        groups: title -> sequences.
        seed: of the bootstrap.
    """
    trackers, chains = results.get("trackers", {}), results.get("chains", {})
    lines: list[str] = []
    for title, names in groups.items():
        section: list[str] = []
        which = ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} sequences"
        for part, heading in (
            ("first", "First box given, never restarted"),
            ("starts", "The same from every start"),
        ):
            section += _table(heading, trackers, part, _SUCCESS, names, seed, compared=True)
        section += _table("Judged: until the track is ended", trackers, "kept", _KEPT, names, seed)
        section += _table("Proposer, tracker and judgement", chains, "sums", _CHAIN, names, seed)
        if section:
            lines += [f"## {title.capitalize()}: {which}", "", *section]
    lines += _time_table(trackers)
    lines += _ends_table(trackers)
    return "\n".join(lines).rstrip() + "\n"


def cell(value: Estimate, measure: str) -> str:
    """``0.629 [0.51, 0.74]``; a dash where there was nothing to count, and no interval where all
    resamples agree, as those of a single sequence do."""
    if value.value != value.value:
        return "-"
    digits = 1 if measure in _LENGTHS else 3
    text = f"{value.value:.{digits}f}"
    if value.low == value.high:
        return text
    digits = min(digits, 2)
    return f"{text} [{value.low:.{digits}f}, {value.high:.{digits}f}]"


def _table(
    heading: str,
    entries: Mapping[str, Any],
    part: str,
    columns: Mapping[str, str],
    names: list[str],
    seed: int,
    compared: bool = False,
) -> Iterator[str]:
    rows = {name: entry[part] for name, entry in entries.items() if entry.get(part)}
    if not any(sequence in sums for sums in rows.values() for sequence in names):
        return
    reference = rows.get(REFERENCE) if compared else None
    heads = ["", *columns.values(), *([f"AUC minus {REFERENCE}'s"] if reference else [])]
    yield from (f"### {heading}", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|")
    for name, sums in rows.items():
        cells = [cell(estimate(sums, names, key, seed), key) for key in columns]
        if reference:
            gap = difference(sums, reference, names, "auc", seed)
            cells.append("-" if name == REFERENCE else cell(gap, "auc"))
        yield f"| `{name}` | {' | '.join(cells)} |"
    yield ""


def _time_table(trackers: Mapping[str, Any]) -> Iterator[str]:
    rows = {name: entry["time"] for name, entry in trackers.items() if entry.get("time")}
    if not rows:
        return
    counts = sorted({int(count) for times in rows.values() for count in times})
    heads = [""]
    for count in counts:
        what = "1 region" if count == 1 else f"{count} regions"
        heads += [f"ms/frame, {what}", "region-frames/s", f"x {REFERENCE}'s", "frames"]
    yield from ("## Time", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|")
    for name, times in rows.items():
        cells = []
        for count in counts:
            row = times.get(str(count))
            if row is None:
                cells += ["-"] * 4
                continue
            cells += [f"{row['milliseconds']:.1f}", f"{row['rate']:,.0f}"]
            cells += [f"{row['speedup']:.1f}", str(row["frames"])]
        yield f"| `{name}` | {' | '.join(cells)} |"
    yield ""


def _ends_table(trackers: Mapping[str, Any]) -> Iterator[str]:
    rows = {name: entry["ends"] for name, entry in trackers.items() if entry.get("ends")}
    if not rows:
        return
    totals = {name: _add(ends.values()) for name, ends in rows.items()}
    reasons = sorted({reason for total in totals.values() for reason in total})
    yield "## Why judged tracks ended, all sequences"
    yield from ("", f"| | {' | '.join(reasons)} |", "|---" * (len(reasons) + 1) + "|")
    for name, total in totals.items():
        yield f"| `{name}` | {' | '.join(str(total.get(reason, 0)) for reason in reasons)} |"
    yield ""


def _add(counts: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in counts:
        for reason, number in count.items():
            total[reason] = total.get(reason, 0) + number
    return total
