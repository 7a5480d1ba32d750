"""Measure random reads from a track store: pairs of crops per second on one core.

    python benchmarks/store.py STORE [--pairs 50000]
    python benchmarks/store.py STORE --compacted

Beside it, as reference, one pread of as many bytes from a plain file of the same size. With
`--compacted` the store's files are linked into a folder beside it and compacted there (the store
itself stays as it is), and both are measured in turns: reads, and opening a store.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vidcl.errors import VidclError
from vidcl.tracks.compaction.run import CompactReport, compact
from vidcl.tracks.store import open_store


@dataclass
class Times:
    """Seconds of every repeat."""

    ours: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    opening: list[float] = field(default_factory=list)


@contextmanager
def compacted(store: Path) -> Iterator[tuple[Path, CompactReport]]:
    """A compacted copy for as long as this lasts; the files that stay as they are are links.

    Raises:
        VidclError: as ``compact``.
    """
    with tempfile.TemporaryDirectory(prefix=f".{store.name}.", dir=store.absolute().parent) as work:
        copy = Path(work) / store.name
        shutil.copytree(
            store, copy, copy_function=os.link, ignore=shutil.ignore_patterns(".lock", "*.tmp")
        )
        yield copy, compact(copy)


def measure(store: Path, draws: list[tuple[int, int]], times: Times) -> int:
    """One repeat: add its seconds; the bytes that were read."""
    started = time.perf_counter()
    opened = open_store(store)
    times.opening.append(time.perf_counter() - started)
    sizes = [len(opened.crop(row, step)) for row, step in draws]  # also warms the page cache
    shard = max((store / "shards").glob("*.arrow"), key=lambda path: path.stat().st_size)
    room = max(1, shard.stat().st_size - max(sizes))
    offsets = (np.random.default_rng(1).random(len(sizes)) * room).astype(int)
    started = time.perf_counter()
    for row, step in draws:
        opened.crop(row, step)
    times.ours.append(time.perf_counter() - started)
    started = time.perf_counter()
    file = os.open(shard, os.O_RDONLY)
    for offset, size in zip(offsets, sizes, strict=True):
        os.pread(file, size, offset)
    os.close(file)
    times.plain.append(time.perf_counter() - started)
    return sum(sizes)


def run(options: argparse.Namespace) -> None:
    """Measure and print the table."""
    store = open_store(options.store)
    rng = np.random.default_rng(0)
    rows = rng.integers(len(store), size=options.pairs)
    steps = (rng.random((2, options.pairs)) * store.lengths[rows]).astype(int)
    draws = [(int(row), int(step)) for both in steps for row, step in zip(rows, both, strict=True)]
    with ExitStack() as stack:
        stores = {"as it is": options.store}
        if options.compacted:
            stores["compacted"], report = stack.enter_context(compacted(options.store))
        times = {name: Times() for name in stores}
        for _ in range(options.repeats):
            read = {name: measure(path, draws, times[name]) for name, path in stores.items()}
        print("| store | shards | opening, ms | crops, mean bytes | pairs/s | against pread |")
        print("|---|---|---|---|---|---|")
        for name, path in stores.items():
            took = times[name]
            ours = float(np.median(took.ours))
            cells = [
                name,
                f"{len(open_store(path).shards):,}",
                f"{1e3 * np.median(took.opening):.1f}",
                f"{len(draws)}, {read[name] / len(draws):.0f}",
                f"{options.pairs / ours:,.0f}",
                f"{np.median(took.plain) / ours:.2f}x",
            ]
            print(f"| {' | '.join(cells)} |")
        if options.compacted:
            mib = report.bytes / 2**20
            print(
                f"\nCompacting {report.merged} of {report.before} shards to {report.after}: "
                f"{mib:,.1f} MiB in {report.seconds:.2f} s, {mib / report.seconds:,.0f} MiB/s"
            )


def main(argv: list[str] | None = None) -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--pairs", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--compacted", action="store_true")
    try:
        run(parser.parse_args(argv))
    except VidclError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
