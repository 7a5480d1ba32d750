"""Features of a retrieval benchmark: every encoder on every set, on disk until they are used."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from studies.retrieval.rows import Sets
from vidcl.evaluation import embedding_cache
from vidcl.evaluation.controls import iid_table
from vidcl.evaluation.encoders import OpenEncoder
from vidcl.evaluation.results import CHANCE
from vidcl.evaluation.table import table_features
from vidcl.files import write_atomic
from vidcl.progress import show_progress


class LazyTables(Mapping[str, pa.Table]):
    """Tables that are read when they are asked for, and not kept."""

    def __init__(self, readers: Mapping[str, Callable[[], pa.Table]]) -> None:
        self._readers = dict(readers)

    def __getitem__(self, name: str) -> pa.Table:
        return self._readers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


def embedded(
    encoders: Sequence[OpenEncoder], sets: Sets, cache: Path, out: Path, timings: dict[str, float]
) -> dict[str, LazyTables]:
    """Every encoder on every set, embedded now or before; {encoder: {set: table}}."""
    tables = {}
    files: dict[str, dict[str, str]] = {}
    states = {name: data.fingerprint() for name, data in sets.all().items()}
    for encoder in encoders:
        started = time.monotonic()
        readers = {}
        for name, data in sets.all().items():
            if not encoder.cached:
                readers[name] = partial(encoder.table, data)
                continue
            with show_progress(f"{encoder.name} on {name}", unit="images") as progress:
                path = embedding_cache.entry(
                    encoder, data, cache, progress, fingerprint=states[name]
                )
            readers[name] = partial(embedding_cache.read_entry, path, encoder, name)
            files.setdefault(name, {})[encoder.name] = str(path)
        timings[f"embed {encoder.name}"] = time.monotonic() - started
        tables[encoder.name] = LazyTables(readers)
    write_atomic(out / "embeddings.json", json.dumps(files, indent=1).encode())
    return tables


def chance_rows(
    encoders: Sequence[OpenEncoder], tables: dict[str, LazyTables], sets: Sets, seed: int
) -> dict[str, LazyTables]:
    """{name: i.i.d. features of every set}, a row for each width that occurs."""
    first = next(iter(sets.measured))
    widths = {}
    for encoder in encoders:
        widths[encoder.name] = encoder.width or table_features(tables[encoder.name][first]).shape[1]
    like = tables[encoders[0].name]

    def drawn(name: str, place: int, width: int) -> pa.Table:
        # a seed of its own for distractors: they must not repeat the features of the set
        return iid_table(like[name], width, seed + place)

    return {
        name: LazyTables(
            {
                each: partial(drawn, each, 0 if each in sets.measured else 1 + place, width)
                for place, each in enumerate(sets.all())
            }
        )
        for width, name in chance_names(list(widths.values())).items()
    }


def all_features(tables: LazyTables, name: str, sets: Sets) -> np.ndarray:
    """Features of a set and of the distractors behind it, float32 [N + M, D]."""
    return np.concatenate([table_features(tables[each]) for each in (name, *sets.distractors)])


def only(tables: LazyTables, names: Iterable[str]) -> LazyTables:
    """Some of the tables."""
    return LazyTables({name: partial(tables.__getitem__, name) for name in names})


def chance_names(widths: Sequence[int]) -> dict[int, str]:
    """{feature width: name of its row of i.i.d. features}, in the order of first use."""
    different = list(dict.fromkeys(widths))
    if len(different) == 1:
        return {different[0]: CHANCE}
    return {width: f"{CHANCE}, {width} units" for width in different}
