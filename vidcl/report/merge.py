"""Several folders as one: systems under distinct names, sets joined where they are the same."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from vidcl.report.merge_galleries import join_galleries
from vidcl.report.metrics import is_chance
from vidcl.report.runs import TrainingRun
from vidcl.report.sources import Source

#: What two runs must share on a set for their numbers to be read against each other.
PROTOCOL = {
    "min_gap": "a minimum viewpoint gap of {}",
    "protocol": "the protocol “{}”",
    "n": "{} queries",
    "gallery": "a gallery of {} images",
    "ris_mode": "RIS in the mode “{}”",
    "classes": "{} classes",
    "sets": "{} sets of views",
    "set_size": "set sizes {}",
}


@dataclass(frozen=True)
class Merged:
    """``results`` has the structure of results.json; None where no folder has one."""

    results: dict[str, Any] | None
    galleries: list[dict[str, Any]]
    runs: list[TrainingRun]
    warnings: list[str]


@dataclass(frozen=True)
class _Names:
    """How the names of each source read on the page."""

    sets: list[dict[str, str]]
    systems: list[dict[str, str]]


def merge(sources: Sequence[Source]) -> Merged:
    """One folder as it is; of several, systems, sets, galleries and training runs together.

    A system keeps its name unless two folders use it; then it reads ``folder/system``. Controls
    that agree in every number on the sets they share are one row. Sets are joined by name and
    content hash; a name with another hash, or with none, is kept apart and told in ``warnings``.
    """
    if len(sources) == 1:
        (only,) = sources
        told = list((only.results or {}).get("warnings") or [])
        return Merged(only.results, only.galleries, only.runs, told)
    sets, warnings = _join_sets(sources)
    systems, names = _join_systems(sources, sets)
    known = _Names(sets, names)
    results = None
    if systems:
        results = {
            "title": None,
            "systems": systems,
            "comparisons": _comparisons(sources, known),
        }
        warnings += _incomparable(sources, sets)
    for source in sources:
        told = (source.results or {}).get("warnings") or []
        warnings += [f"{source.name}: {sentence}" for sentence in told]
    galleries, more = join_galleries(sources, known.sets, known.systems)
    return Merged(results, galleries, _runs(sources, names), warnings + more)


def _join_sets(sources: Sequence[Source]) -> tuple[list[dict[str, str]], list[str]]:
    known: dict[str, dict[str | None, str]] = defaultdict(dict)
    joined, warnings = [], []
    for source in sources:
        facts = (source.results or {}).get("sets") or {}
        hashes = {gallery["set"]: gallery.get("content_hash") for gallery in source.galleries}
        for system in (source.results or {}).get("systems", []):
            hashes |= {name: (facts.get(name) or {}).get("content_hash") for name in system["sets"]}
        names = {}
        for name, content in hashes.items():
            others = known[name]
            if not others:
                others[content] = name
            elif content is None or content not in others:
                reason = (
                    "one of them has no content hash"
                    if content is None or None in others
                    else "their images or labels differ"
                )
                warnings.append(
                    f"The set “{name}” of {source.name} is kept apart from the one of that name "
                    f"in another run: {reason}."
                )
                names[name] = f"{name} ({source.name})"
                if content is not None:
                    others[content] = names[name]
                continue
            names[name] = others[content]
        joined.append(names)
    return joined, warnings


def _join_systems(
    sources: Sequence[Source], sets: list[dict[str, str]]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    rows: list[dict[str, Any]] = []
    for number, source in enumerate(sources):
        for system in (source.results or {}).get("systems", []):
            measured = {sets[number][name]: values for name, values in system["sets"].items()}
            twin = next((row for row in rows if _same_control(row, system, measured)), None)
            if twin is not None:
                twin["sources"].append(number)
                twin["sets"] = measured | twin["sets"]
                continue
            rows.append(
                {
                    **system,
                    "sets": measured,
                    "sources": [number],
                    "chance": is_chance(system),
                }
            )
    used = Counter(row["name"] for row in rows)
    taken: set[str] = set()
    names: list[dict[str, str]] = [{} for _ in sources]
    for row in rows:
        given, name = row["name"], row["name"]
        if used[given] > 1:
            name = f"{' + '.join(sources[k].name for k in row['sources'])}/{given}"
        while name in taken:
            name += "′"
        taken.add(name)
        row["name"] = name
        for number in row["sources"]:
            names[number][given] = name
    return rows, names


def _same_control(row: dict[str, Any], system: dict[str, Any], measured: dict[str, Any]) -> bool:
    if row["name"] != system["name"] or row["kind"] != "control" or system["kind"] != "control":
        return False
    shared = row["sets"].keys() & measured.keys()
    return bool(shared) and all(row["sets"][name] == measured[name] for name in shared)


def _comparisons(sources: Sequence[Source], names: _Names) -> list[dict[str, Any]]:
    found = []
    for number, source in enumerate(sources):
        for line in (source.results or {}).get("comparisons") or []:
            systems, sets = names.systems[number], names.sets[number]
            found.append(
                {
                    **line,
                    "set": sets.get(line["set"], line["set"]),
                    "a": systems.get(line["a"], line["a"]),
                    "b": systems.get(line["b"], line["b"]),
                }
            )
    return found


def _incomparable(sources: Sequence[Source], sets: list[dict[str, str]]) -> list[str]:
    """Where two runs measured one set in two ways."""
    values: dict[tuple[str, str], dict[str, list[str]]] = {}
    for number, source in enumerate(sources):
        for system in (source.results or {}).get("systems", []):
            for name, measured in system["sets"].items():
                for key in PROTOCOL:
                    if measured.get(key) is not None:
                        ways = values.setdefault((sets[number][name], key), {})
                        runs = ways.setdefault(_plain(measured[key]), [])
                        if source.name not in runs:
                            runs.append(source.name)
    return [
        f"On “{name}”, "
        + " and ".join(
            f"{', '.join(runs)} has {PROTOCOL[key].format(v)}" for v, runs in ways.items()
        )
        + ": their numbers are not comparable."
        for (name, key), ways in values.items()
        if len({run for runs in ways.values() for run in runs}) > 1 and len(ways) > 1
    ]


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " / ".join(_plain(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _runs(sources: Sequence[Source], names: list[dict[str, str]]) -> list[TrainingRun]:
    """Training runs under their systems' names on the page; a name used twice gets its folder."""
    renamed = [
        (source, replace(run, name=names[number].get(run.name, run.name)))
        for number, source in enumerate(sources)
        for run in source.runs
    ]
    used = Counter(run.name for _, run in renamed)
    return [
        replace(run, name=f"{source.name}/{run.name}") if used[run.name] > 1 else run
        for source, run in renamed
    ]
