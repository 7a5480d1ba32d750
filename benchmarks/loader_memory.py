"""Does the loader's memory grow with the store? Sparse stores of several sizes, one process each.

    OMP_NUM_THREADS=1 python -m benchmarks.loader_memory --work FOLDER [--smoke]

Two pairs of stores, 20 GB long and small on disk. In the first each crop is a JPEG followed by a
hole (a decoder ignores what comes after its end): batches are drawn, read, decoded and made into
views. In the second crops have a usual length, so there are 4 million of them, and are holes
altogether: batches are drawn and read; what is kept of every crop or track shows there. What counts
is anonymous memory (``RssAnon``), less what the process had before it opened the store: mapped
pages of files are the page cache's, and the system takes them back as it needs them. The folder
needs 1 GB of disk.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.sparse_store import Shape, write_sparse_store
from vidcl.config import load_config
from vidcl.presets import find_preset
from vidcl.tracks.store import open_store
from vidcl.training.config import TrainConfig
from vidcl.training.crops import Crops
from vidcl.training.memory import keep_freed_memory
from vidcl.training.pair_views import PairViews
from vidcl.training.pairs import PairSampler

#: Data that a measured process may allocate, in bytes: one that read the store would be stopped.
MOST_DATA = 6 * 2**30
MIB = 2**20

#: Presets and settings of ``pairs``; the first alone where crops are decoded.
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("laptop/region_only", {}),
    ("laptop/region_only", {"candidates": 4, "weight": "change"}),
    ("laptop/region_only", {"weight": "video"}),
    ("laptop/region_gap0", {}),
]

#: Stores that are measured.
STORES = {
    "1 GB": Shape(4_000, 250_000, 20, True),
    "20 GB": Shape(80_000, 250_000, 20, True),
    "1 GB, crops of 5 KB": Shape(200_000, 5_000, 16, False),
    "20 GB, crops of 5 KB": Shape(4_000_000, 5_000, 16, False),
}


def draw(task: dict[str, Any]) -> None:
    """In a process of its own: make the loader, draw, and print what memory it took as JSON.

    Args:
        task: what ``measure`` was given.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_DATA, MOST_DATA))
    keep_freed_memory()
    config = load_config(find_preset(task["preset"]), TrainConfig)
    config = config.model_copy(update={"pairs": config.pairs.model_copy(update=task["pairs"])})
    row: dict[str, Any] = {"before": memory("RssAnon")}
    started = time.perf_counter()
    data = open_store(task["store"])
    sampler = PairSampler(data, config.pairs, task["batch_size"], config.seed)
    crops = Crops(data, sampler.rows, torch.device("cpu"), cache_bytes=0)
    views = PairViews(config, crops)
    opened = time.perf_counter() - started
    row["opened"] = memory("RssAnon")
    drawing = 0.0
    for step in range(task["batches"]):
        started = time.perf_counter()
        pairs = sampler.batch(step)
        drawing += time.perf_counter() - started
        batch = views.read(pairs, step)
        if task["decode"]:
            views.make(batch)  # ends with an error if a crop does not decode
    row["drawn"] = memory("RssAnon")
    row |= {"tracks": len(data), "crops": sampler.crops}
    row |= {"seconds_to_open": opened, "seconds_per_draw": drawing / task["batches"]}
    print(json.dumps(row))


def memory(name: str, process: int | str = "self") -> int:
    """A line of /proc/PID/status in bytes, 0 once the process has ended."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def measure(
    store: Path,
    *,
    decode: bool,
    preset: str = "laptop/region_only",
    pairs: dict[str, Any] | None = None,
    batches: int = 50,
    batch_size: int = 128,
) -> dict[str, Any]:
    """Make a loader in a new process and draw from it.

    Args:
        decode: whether crops are decoded, and views made of them.
        pairs: settings of ``pairs`` other than the preset's.

    Returns:
        ``tracks``, ``crops``, ``seconds_to_open``, ``seconds_per_draw``, and anonymous memory in
        bytes: ``before`` the store was opened, when the loader was ``opened``, when all batches
        were ``drawn``, and its ``peak`` as seen every 2 ms.

    Raises:
        RuntimeError: the process failed; the end of what it said.
    """
    task = {
        "store": str(store),
        "decode": decode,
        "preset": preset,
        "pairs": pairs or {},
        "batches": batches,
        "batch_size": batch_size,
    }
    command = [sys.executable, "-m", "benchmarks.loader_memory", "--draw", json.dumps(task)]
    root, peak = Path(__file__).parents[1], 0
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, cwd=root, text=True) as process:
        while process.poll() is None:
            peak = max(peak, memory("RssAnon", process.pid))
            time.sleep(0.002)
        said, wrong = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}: {wrong[-2000:]}")
    return {**json.loads(said), "peak": peak}


def compare(
    work: Path, stores: dict[str, Shape], settings: list[tuple[str, dict[str, Any]]], **draws: Any
) -> list[dict[str, Any]]:
    """Write each store, measure it with each setting (preset, pairs), and print the table.

    Returns:
        What was measured, with ``name`` and ``setting``.
    """
    print("Anonymous memory beyond that before the store was opened.\n")
    print("| store | tracks | crops | pairs | opened, MiB | drawn, MiB | peak, MiB | open, s |")
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for name, shape in stores.items():
        path = write_sparse_store(work / name.replace(" ", "_"), shape)
        for preset, pairs in settings[: 1 if shape.decodes else None]:
            row = measure(path, decode=shape.decodes, preset=preset, pairs=pairs, **draws)
            setting = " ".join([preset, *(f"{key}={value}" for key, value in pairs.items())])
            moments = [(row[key] - row["before"]) / MIB for key in ("opened", "drawn", "peak")]
            cells = [name, f"{row['tracks']:,}", f"{row['crops']:,}", setting]
            cells += [f"{moment:.0f}" for moment in moments] + [f"{row['seconds_to_open']:.1f}"]
            print(f"| {' | '.join(cells)} |", flush=True)
            rows.append({**row, "name": name, "setting": setting})
    return rows


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """What ``compare`` measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, help="a new folder for the stores")
    parser.add_argument("--smoke", action="store_true", help="small stores, few batches")
    parser.add_argument("--draw", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.draw:
        draw(json.loads(options.draw))
        return []
    if options.work is None:
        parser.error("--work is needed")
    if options.smoke:
        small = {"20 MB": Shape(80, 250_000, 8, True), "400 MB": Shape(1_600, 250_000, 8, True)}
        return compare(options.work, small, SETTINGS, batches=5, batch_size=16)
    return compare(options.work, STORES, SETTINGS)


if __name__ == "__main__":
    main()
