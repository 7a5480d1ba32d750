"""How the page names and prints the numbers of results.json."""

from typing import Any

from vidcl.evaluation.results import CHANCE

Results = dict[str, Any]
System = dict[str, Any]

LABELS = {
    "map": "mAP",
    "map@r": "MAP@R",
    "r_precision": "R-precision",
    "knn": "k-NN",
    "whitened_cosine": "Whitened cosine",
    "whitened_cosine_normalised": "Whitened cosine, normalised",
    "whitened_distance": "Whitened distance",
}
#: Stored as fractions, printed in per cent; RIS is in per cent already.
FRACTIONS = ("recall@", "map", "r_precision", "knn", "accuracy")
#: Of these the smallest is the best.
SMALLER_IS_BETTER = ("whitened_distance",)
#: In the details, since they repeat what the headline metrics say with other weights.
DETAILS = (
    "map@r",
    "r_precision",
    "whitened_cosine",
    "whitened_cosine_normalised",
    "whitened_distance",
)


def headline_metrics(results: Results) -> list[str]:
    """The metrics of the main tables that occur, in reading order: recall, mAP, RIS, k-NN."""
    present = _present(results)
    recall = [name for name in _numbered(present, "recall@") if _count(name) < 10]
    ris = _numbered(present, "ris@")
    return (
        recall + [n for n in ("map",) if n in present] + ris + [n for n in ("knn",) if n in present]
    )


def detail_metrics(results: Results) -> list[str]:
    """The further metrics that occur: recall at 10 and beyond, MAP@R, R-precision, whitened."""
    present = _present(results)
    recall = [name for name in _numbered(present, "recall@") if _count(name) >= 10]
    return recall + [name for name in DETAILS if name in present]


def metric_label(name: str) -> str:
    """How a metric is headed: ``recall@1`` becomes ``R@1``."""
    if name.startswith("recall@"):
        return "R@" + name.removeprefix("recall@")
    if name.startswith("ris@"):
        return "RIS " + name.removeprefix("ris@")
    return LABELS.get(name, name)


def scale(name: str) -> float:
    """What a stored value is multiplied by to be printed: 100 for fractions."""
    return 100.0 if name.lower().startswith(FRACTIONS) else 1.0


def in_percent(name: str) -> bool:
    return name.lower().startswith((*FRACTIONS, "ris@"))


def value_text(name: str, value: Any) -> str | None:
    """A stored number as tables print it; None where there is none."""
    if not isinstance(value, int | float):
        return None
    return number_text(scale(name) * value, 1 if in_percent(name) else 3)


def number_text(value: float, digits: int) -> str:
    """So many decimals, with a minus sign, and none before zero."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")


def number_of(text: str) -> float:
    """What ``number_text`` printed."""
    return float(text.replace("−", "-"))


def interval_text(name: str, interval: Any) -> str | None:
    """[low, high] as small print: whole per cent, or two decimals."""
    if not isinstance(interval, list | tuple) or len(interval) != 2 or None in interval:
        return None
    digits = 0 if in_percent(name) else 2
    low, high = (number_text(scale(name) * bound, digits) for bound in interval)
    return f"{low} to {high}" if "−" in low + high else f"{low}–{high}"


def is_chance(system: System) -> bool:
    """Whether a row holds i.i.d. features; there may be one per width and per run."""
    return bool(system.get("chance", system["name"].startswith(CHANCE)))


def chance_of(results: Results, system: System, set_name: str, metric: str) -> float | None:
    """The chance level of a system: an i.i.d. row of its run and, where told, of its width."""
    runs = set(system.get("sources", (0,)))
    units = system["sets"].get(set_name, {}).get("units")
    for row in results["systems"]:
        values = row["sets"].get(set_name, {})
        if is_chance(row) and runs.intersection(row.get("sources", (0,))):
            fits = units is None or values.get("units") in (None, units)
            if fits and values.get(metric) is not None:
                return float(values[metric])
    return None


def _present(results: Results) -> set[str]:
    return {
        name
        for system in results["systems"]
        for values in system["sets"].values()
        for name in values
    }


def _numbered(present: set[str], prefix: str) -> list[str]:
    names = [n for n in present if n.startswith(prefix) and n.removeprefix(prefix).isdigit()]
    return sorted(names, key=_count)


def _count(name: str) -> int:
    return int(name.split("@")[1])
