"""Measure random reads from a track store: pairs of crops per second on one core.

    python benchmarks/store.py STORE [--pairs 50000]

Beside it, as reference, one pread of as many bytes from a plain file of the same size.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np

from vidcl.tracks.store import open_store


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--pairs", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    store = open_store(arguments.store)
    rng = np.random.default_rng(0)
    rows = rng.integers(len(store), size=arguments.pairs)
    steps = (rng.random((2, arguments.pairs)) * store.lengths[rows]).astype(int)
    draws = [(int(row), int(step)) for both in steps for row, step in zip(rows, both, strict=True)]
    sizes = [len(store.crop(row, step)) for row, step in draws]  # also warms the page cache
    shard = max((arguments.store / "shards").glob("*.arrow"), key=lambda path: path.stat().st_size)
    offsets = (rng.random(len(sizes)) * (shard.stat().st_size - max(sizes))).astype(int)
    ours, plain = [], []
    for _ in range(arguments.repeats):
        started = time.perf_counter()
        for row, step in draws:
            store.crop(row, step)
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        file = os.open(shard, os.O_RDONLY)
        for offset, size in zip(offsets, sizes, strict=True):
            os.pread(file, size, offset)
        os.close(file)
        plain.append(time.perf_counter() - started)
    rate = arguments.pairs / np.median(ours)
    print("| crops, mean bytes | pairs/s | against pread of the same sizes |")
    print("|---|---|---|")
    ratio = np.median(plain) / np.median(ours)
    print(f"| {len(draws)}, {np.mean(sizes):.0f} | {rate:,.0f} | {ratio:.2f}x |")


if __name__ == "__main__":
    main()
