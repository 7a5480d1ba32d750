"""Exact retrieval against bare FAISS: time, and memory beside the gallery.

    OMP_NUM_THREADS=2 python benchmarks/retrieval.py
    OMP_NUM_THREADS=2 python benchmarks/retrieval.py --queries 2000 --gallery 50000 --rounds 2

Random features with instances: every row is a centre of its instance and noise, and queries are
further views of the gallery's first instances. Contestants take turns, each in a fresh process with
the same features and threads: ``faiss.IndexFlatIP`` (add and search of unit rows), our search for
the same k, and our search with all measures, without and with mean average precision over the whole
gallery. Reading and making the features is not timed. Memory is what the process's peak lies above
that of a process which only holds the features (the gallery, and the queries). Prints Markdown.

On a machine that others use too, compare processor time: it stands beside the time by the clock.
"""

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, or as a module

from vidcl.files import write_atomic

MIB = 2**20
#: Views of one instance in the gallery, and how much of a row is its instance's centre.
VIEWS = 10
CENTRE = 0.35
SIZES = ("queries", "gallery", "dim", "k", "threads")
#: What a contestant's answer tells beside its time.
SHOWN = ("recall@1", "map", "map@r", "r_precision")

Contestant = Callable[[argparse.Namespace], Callable[[], object]]


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.contestant:  # a process that times one of them
        print(json.dumps(timed(options)))
        return 0
    sizes = {name: getattr(options, name) for name in SIZES}
    results: list[dict[str, Any]] = []
    if options.out and options.out.exists():
        kept = json.loads(options.out.read_text())
        if kept["sizes"] != sizes:
            sys.exit(f"{options.out} holds {kept['sizes']}: give another --out for {sizes}")
        results = kept["rows"]
    for number, name in itertools.product(range(options.rounds), CONTESTANTS):
        if any(row["name"] == name and row["round"] == number for row in results):
            continue
        row = {"name": name, "round": number, **in_fresh_process(name, options)}
        results.append(row)
        print(f"  round {number + 1}, {name}: {row['seconds']:.1f} s", file=sys.stderr)
        if options.out:
            kept = {"sizes": sizes, "rows": results}
            write_atomic(options.out, (json.dumps(kept, indent=1) + "\n").encode())
        if options.one:
            return 0
    print(table(results, options))
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--queries", type=int, default=10000)
    add("--gallery", type=int, default=200000)
    add("--dim", type=int, default=2048)
    add("--k", type=int, default=10)
    add("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "2")))
    add("--rounds", type=int, default=1, help="the fastest of each counts")
    add("--out", type=Path, help="keep the numbers here; what is in it is not run again")
    add("--one", action="store_true", help="stop after one contestant (for a shared machine)")
    add("--contestant", choices=CONTESTANTS, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def features(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gallery float32 [G, D], queries float32 [Q, D], and the instances [Q + G], queries first."""
    instances = np.arange(options.gallery) // VIEWS
    asked = np.arange(options.queries) % (instances[-1] + 1)
    gallery = np.empty((options.gallery, options.dim), dtype=np.float32)
    for first in range(0, options.gallery, VIEWS):
        views(0, first // VIEWS, gallery[first : first + VIEWS])
    queries = np.empty((options.queries, options.dim), dtype=np.float32)
    for number, instance in enumerate(asked):
        views(1 + number, instance, queries[number : number + 1])
    return gallery, queries, np.concatenate([asked, instances])


def views(seed: int, instance: int, out: np.ndarray) -> None:
    """Fill ``out`` [V, D] with views of an instance."""
    np.random.default_rng([seed, instance, 1]).standard_normal(dtype=np.float32, out=out)
    centre = np.random.default_rng([instance, 0])
    out += CENTRE * centre.standard_normal(out.shape[1], dtype=np.float32)


def nothing(options: argparse.Namespace) -> Callable[[], object]:
    import faiss  # noqa: F401
    import torch  # noqa: F401

    import vidcl.evaluation.retrieval.measure  # noqa: F401

    held = features(options)
    return lambda: held


def bare_faiss(options: argparse.Namespace) -> Callable[[], object]:
    import torch  # noqa: F401, I001 - its OpenMP runtime comes first, as in vidcl
    import faiss

    faiss.omp_set_num_threads(options.threads)
    gallery, queries, _ = features(options)
    for rows in (gallery, queries):
        faiss.normalize_L2(rows)

    def search() -> object:
        index = faiss.IndexFlatIP(options.dim)
        index.add(gallery)
        return index.search(queries, options.k)

    return search


def our_search(backend: str) -> Contestant:
    def prepare(options: argparse.Namespace) -> Callable[[], object]:
        from vidcl.evaluation.retrieval.rows import StackedRows
        from vidcl.evaluation.retrieval.search import nearest

        gallery, queries, _ = features(options)
        asked = np.arange(options.queries)
        among = np.arange(options.queries, options.queries + options.gallery)
        none = np.empty(0, np.int64)

        def search() -> object:
            return nearest(
                StackedRows(queries, gallery),
                asked,
                options.k,
                lambda rows: [none] * len(rows),
                among=among,
                backend=backend,
            )

        return search

    return prepare


def our_metrics(whole: bool) -> Contestant:
    def prepare(options: argparse.Namespace) -> Callable[[], object]:
        from vidcl.evaluation.retrieval.measure import retrieval_metrics
        from vidcl.evaluation.retrieval.protocol import retrieval_protocol
        from vidcl.evaluation.retrieval.rows import StackedRows

        gallery, queries, instances = features(options)
        asks = np.arange(len(instances)) < options.queries

        def measure() -> object:
            protocol = retrieval_protocol(instances, split=(asks, ~asks))
            return retrieval_metrics(
                StackedRows(queries, gallery), protocol, (1, 5, options.k), whole=whole
            )

        return measure

    return prepare


CONTESTANTS: dict[str, Contestant] = {
    "features only": nothing,
    "bare FAISS": bare_faiss,
    "search": our_search("auto"),
    "search without FAISS": our_search("torch"),
    "Recall, MAP@R, R-precision": our_metrics(whole=False),
    "and mAP": our_metrics(whole=True),
}


def timed(options: argparse.Namespace) -> dict[str, Any]:
    """One contestant's seconds by the clock and of the processor, its peak memory, its answer."""
    run = CONTESTANTS[options.contestant](options)
    wall, processor = time.perf_counter(), time.process_time()
    load = os.getloadavg()[0]
    answer = run()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    kept = {key: answer[key] for key in SHOWN if key in answer} if isinstance(answer, dict) else {}
    return {"seconds": wall, "processor": processor, "peak_mib": peak, "load": load, **kept}


def in_fresh_process(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """What one contestant took."""
    command = [sys.executable, "-m", "benchmarks.retrieval", "--contestant", name]
    for key in SIZES:
        command += [f"--{key}", str(getattr(options, key))]
    threads = str(options.threads)
    environment = os.environ | dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads
    )
    root = Path(__file__).resolve().parents[1]
    # errors go to the terminal
    done = subprocess.run(command, env=environment, cwd=root, check=True, stdout=subprocess.PIPE)
    result: dict[str, Any] = json.loads(done.stdout.decode().splitlines()[-1])
    return result


def table(results: list[dict[str, Any]], options: argparse.Namespace) -> str:
    """Each contestant's fastest round, beside bare FAISS."""
    best: dict[str, dict[str, Any]] = {}
    for row in results:
        if row["name"] not in best or row["seconds"] < best[row["name"]]["seconds"]:
            best[row["name"]] = row
    held = best.pop("features only")["peak_mib"]
    bare = best["bare FAISS"]
    loads = [row["load"] for row in best.values()]
    lines = [
        f"{options.queries:,} queries, gallery {options.gallery:,} x {options.dim} float32 "
        f"({options.gallery * options.dim * 4 / MIB:,.0f} MiB), k = {options.k}, "
        f"{options.threads} thread(s), fastest of {options.rounds} round(s); "
        f"load when each began {min(loads):.1f} to {max(loads):.1f}\n",
        "| | seconds | processor s | against bare FAISS | processor | MiB above the features |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in best.items():
        lines.append(
            f"| {name} | {row['seconds']:.1f} | {row['processor']:.1f} "
            f"| {row['seconds'] / bare['seconds']:.2f}x "
            f"| {row['processor'] / bare['processor']:.2f}x "
            f"| {row['peak_mib'] - held:,.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
