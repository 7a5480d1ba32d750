"""Pairs per second from files to the optimiser step, against lightly's parts for MoCo v2, on a CPU.

    pip install lightly          # for this script alone: vidcl does not need it
    python benchmarks/against_lightly.py
    python benchmarks/against_lightly.py --images photos/ --work /tmp/al --rounds 3

Both train the same network and head on the same JPEG files with the same batch, queue, precision,
layout of memory and optimiser. vidcl trains with ``vidcl.training.loop.train`` on a store made by
``vidcl extract --images``: once with nothing kept (every crop decoded every time), once with the
cache of decoded crops it has by default, after an epoch that fills it. lightly's side is what a
user writes after its examples: LightlyDataset, MoCoV2Transform, a DataLoader with worker processes
(one long epoch, so that workers start once), batch_shuffle, NTXentLoss with a memory bank,
update_momentum. "Fixed batch" is the optimiser step alone on one batch of views in memory.

Contestants take turns, each time in a fresh process and once for every number of threads that torch
computes with (OMP_NUM_THREADS). The best time of each counts, by the clock, after a warm-up; what a
loader prepared during the warm-up is no gain, since as much lies ready at the end. Prints Markdown.
"""

import argparse
import contextlib
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, or as a module

from benchmarks.lightly_sides import CONTESTANTS, Options, Row
from vidcl.files import write_atomic
from vidcl.tracks.store import open_store

#: Shorter and longer side of a made picture in pixels.
SIDES = (160, 300)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.contestant:  # a process that times one of them
        print(json.dumps(CONTESTANTS[options.contestant](options)))
        return 0
    names = [name for name in CONTESTANTS if not options.only or name in options.only]
    if any("lightly" in name for name in names) and not importlib.util.find_spec("lightly"):
        sys.exit("lightly is not installed: run pip install lightly (this benchmark alone uses it)")
    with contextlib.ExitStack() as stack:
        if options.work is None:
            options.work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        prepare(options)
        results: list[dict[str, Any]] = []
        for _, threads, name in itertools.product(range(options.rounds), options.threads, names):
            row = {"name": name, "threads": threads, **in_fresh_process(name, threads, options)}
            results.append(row)
            print(f"  {name}, {threads} thread(s): {row['pairs_per_second']:.1f}", file=sys.stderr)
    print(table(results, options))
    if options.out:
        write_atomic(options.out, (json.dumps(results, indent=1) + "\n").encode())
    return 0


def parse(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--images", type=Path, help="a folder of JPEG files; without it pictures are made")
    add("--pictures", type=int, default=8192, help="how many are made")
    add("--work", type=Path, help="keep pictures and store here, and use them again")
    add("--backbone", default="resnet18", help="of torchvision")
    add("--size", type=int, default=64, help="side of a view in pixels")
    add("--batch", type=int, default=128, help="pairs per step")
    add("--queue", type=int, default=4096)
    add("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    add("--workers", type=int, default=2, help="processes of lightly's DataLoader")
    add("--threads", type=int, nargs="+", default=[1, 2], help="OMP_NUM_THREADS, each in turn")
    add("--steps", type=int, default=30, help="steps that are timed")
    add("--warmup", type=int, default=5, help="steps before them")
    add("--rounds", type=int, default=2)
    add("--only", nargs="+", choices=CONTESTANTS, help="some of the contestants")
    add("--out", type=Path, help="write the numbers here too, as JSON")
    add("--contestant", choices=CONTESTANTS, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def prepare(options: Options) -> None:
    """Pictures and a store of them under ``options.work``, where they are not there yet."""
    if options.images is None:
        options.images = options.work / "pictures"
        if not options.images.exists():
            make_pictures(options.images, options.pictures)
    store = options.work / "store"
    if not store.exists():
        started = time.perf_counter()
        command = [sys.executable, "-m", "vidcl.cli", "extract", "--images", options.images]
        command += ["--out", store, "--engine", "local", "--workers", "2"]
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        print(f"Extraction, once: {len(open_store(store))} pictures in {seconds:.1f} s.\n")


def make_pictures(folder: Path, count: int) -> None:
    """``count`` JPEG files: windows of textures with detail at every scale, as photographs have."""
    generator = np.random.default_rng(0)
    textures = [_texture(generator, 3 * SIDES[1]) for _ in range(16)]
    folder.mkdir(parents=True)
    for number in range(count):
        texture = textures[number % len(textures)][..., generator.permutation(3)]
        height, width = generator.integers(*SIDES, 2, endpoint=True)
        top, left = generator.integers(0, 3 * SIDES[1] - np.array([height, width]))
        window = np.ascontiguousarray(texture[top : top + height, left : left + width])
        Image.fromarray(window).save(folder / f"{number:05d}.jpg", quality=90)


def _texture(generator: np.random.Generator, side: int) -> np.ndarray:
    """uint8 [side, side, 3]: noise whose amplitude falls as its grain gets finer."""
    total = np.zeros((side, side, 3))
    cells = 4
    while cells < side:
        noise = generator.integers(0, 256, (cells, cells, 3), np.uint8)
        layer = Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)
        total += (np.asarray(layer, np.float64) - 127.5) * cells**-0.5
        cells *= 2
    return np.clip(127.5 + 1.2 * total, 0, 255).astype(np.uint8)


def in_fresh_process(name: str, threads: int, options: Options) -> Row:
    """What one contestant reached."""
    kept = ("work", "images", "backbone", "size", "batch", "queue", "precision", "workers")
    command = [sys.executable, "-m", "benchmarks.against_lightly", "--contestant", name]
    for key in (*kept, "steps", "warmup"):
        command += [f"--{key}", str(getattr(options, key))]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    root = Path(__file__).resolve().parents[1]
    # errors go to the terminal
    done = subprocess.run(command, env=environment, cwd=root, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.decode().splitlines()[-1])


def table(results: list[dict[str, Any]], options: Options) -> str:
    """Each contestant's best over rounds and numbers of threads, and the ratio to lightly's."""
    best: dict[str, dict[str, Any]] = {}
    for row in results:
        name = row["name"]
        if name not in best or row["pairs_per_second"] > best[name]["pairs_per_second"]:
            best[name] = row
    load = os.getloadavg()[1]
    lines = [
        f"{options.backbone}, {options.size} px, batch {options.batch}, queue {options.queue}, "
        f"{options.precision}, {options.steps} steps, best of {options.rounds} round(s); "
        f"{os.cpu_count()} cores, load of the last five minutes {load:.1f}\n",
        "| | threads | pairs/s | against lightly | data wait | CPU ms per pair |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in best.items():
        fixed = "fixed" in name
        peer = best.get("lightly, fixed batch" if fixed else "lightly")
        ratio = f"{row['pairs_per_second'] / peer['pairs_per_second']:.2f}x" if peer else ""
        wait = f"{row['data_wait']:.0%}" if "data_wait" in row else ""
        lines.append(
            f"| {name} | {row['threads']} | {row['pairs_per_second']:.0f} | {ratio} | {wait} "
            f"| {row['cpu_ms_per_pair']:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
