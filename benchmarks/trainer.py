"""How fast a preset trains, part by part, and how near that is to the network alone.

    OMP_NUM_THREADS=1 python benchmarks/trainer.py laptop/region_track --data store
    OMP_NUM_THREADS=1 python benchmarks/trainer.py moco --data store --no-cache \\
        --set model.backbone=resnet18 views.size=64 training.batch_size=128
    python benchmarks/trainer.py imagenet_moco_v2_r50 --data store --no-cache --device cuda

"Fixed batch" is a whole optimiser step on views that are ready in memory: the reference. "End to
end" is the trainer's own loop from the store on disk to the optimiser step, batches read ahead as
`vidcl train` does. If nothing overlapped, it could reach step / (step + reading + views) of the
reference at best; that ceiling is printed too. Times are the median of several repeats: of the
clock by default; ``--cpu-time`` measures processor time, which other programs disturb little, and
counts what overlaps twice. MFU is the share of what products of large matrices reach here.
"""

import argparse
import contextlib
import itertools
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import yaml

from vidcl.config import load_config, parse_config
from vidcl.files import write_atomic
from vidcl.methods.wanted import ViewBatch
from vidcl.presets import find_preset
from vidcl.tracks.store import open_store
from vidcl.training.build import build_method, wrap
from vidcl.training.compiling import check_compiler
from vidcl.training.config import TrainConfig
from vidcl.training.crops import Crops
from vidcl.training.loop import read_ahead
from vidcl.training.memory import keep_freed_memory
from vidcl.training.optimizer import build_optimizer, build_scaler
from vidcl.training.pair_views import Batch, PairViews
from vidcl.training.pairs import PairSampler
from vidcl.training.prefetch import prefetch
from vidcl.training.processes import Process, autocast_dtype, choose_device
from vidcl.training.step import Stepper
from vidcl.training.throughput import Use


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a YAML file or a preset's name")
    parser.add_argument("--data", type=Path, required=True, help="a track store")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--no-cache", action="store_true", help="decode every crop every time")
    parser.add_argument("--cpu-time", action="store_true", help="measure processor time")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings, as model.backbone=..."
    )
    parser.add_argument("--out", type=Path, help="write the numbers here too, as JSON")
    options = parser.parse_args(arguments)

    config = change(load_config(find_preset(options.config), TrainConfig), options.set)
    device = choose_device(options.device)
    if device.type == "cpu":
        keep_freed_memory()
    dtype = autocast_dtype(config.training.precision, device)
    store = open_store(options.data)
    batch_size = config.training.batch_size
    sampler = PairSampler(store, config.pairs, batch_size, config.seed)
    cache = 0 if options.no_cache else config.training.decoded_cache_mb * 2**20
    crops = Crops(store, sampler.rows, device, cache)
    views = PairViews(config, crops, dtype=dtype)
    method = build_method(config, sampler.crops).to(device)
    if config.training.channels_last:
        method.to(memory_format=torch.channels_last)
    use = Use(method, config.views.size, device, dtype)
    optimizer, scaler = build_optimizer(method.encoder_q, config.training), build_scaler(dtype)
    if config.training.compile:
        check_compiler(device)
        method.compile_networks()
    encoder = wrap(method.encoder_q, config, Process(0, 1, device))
    stepper = Stepper(method, encoder, optimizer, scaler, config, dtype)
    numbers = itertools.count()

    def read() -> Batch:
        number = next(numbers)
        return views.read(sampler.batch(number), number)

    for _ in range(0 if options.no_cache else 50):  # fills the cache of decoded crops
        batch = read()
    batch = read()
    ready = views.make(batch)

    def ahead(step: int) -> tuple[Batch, ViewBatch | None]:
        batch = views.read(sampler.batch(step), step)
        return batch, views.make(batch) if device.type == "cpu" else None

    depth = read_ahead(config.training.prefetch, device)
    batches = prefetch(ahead, 10**6, 10**9, depth)

    def whole() -> None:
        batch, made = next(batches)
        stepper(made or views.make(batch), batch.generator)

    parts: dict[str, Callable[[], object]] = {
        "read crops, draw parameters": read,
        "decode and make views": lambda: views.make(batch),
        "fixed batch": lambda: stepper(ready, batch.generator),
        "end to end": whole,
    }
    clock = time.process_time if options.cpu_time else time.perf_counter
    with contextlib.closing(batches):
        spent = {n: measure(part, options.repeats, clock, device) for n, part in parts.items()}
    print(
        f"{config.model.backbone}, {config.views.size} px from {store.canvas}, batch {batch_size}, "
        f"{dtype or torch.float32}, {device}, {torch.get_num_threads()} thread(s)\n"
    )
    print("| part | ms per step | pairs/s |\n|---|---|---|")
    for part, seconds in spent.items():
        print(f"| {part} | {1000 * seconds:.1f} | {batch_size / seconds:,.0f} |")
    fixed, rest = spent["fixed batch"], sum(list(spent.values())[:2])
    share, ceiling = fixed / spent["end to end"], fixed / (fixed + rest)
    mfu = use.of(batch_size / spent["end to end"])["mfu"]
    print(
        f"\nEnd to end reaches {share:.2f} of the fixed batch (without overlap at most "
        f"{ceiling:.2f}); MFU {mfu:.0%}."
    )
    if device.type == "cuda":
        print(f"Peak memory {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB.")
    if options.out:
        row = {"config": options.config, "set": options.set, "seconds": spent, "mfu": mfu}
        write_atomic(options.out, (json.dumps(row, indent=1) + "\n").encode())


def change(config: TrainConfig, settings: list[str]) -> TrainConfig:
    """With ``section.key=value`` settings, values as in YAML."""
    values = config.model_dump(mode="json")
    for setting in settings:
        path, _, text = setting.partition("=")
        *parents, last = path.split(".")
        place = values
        for parent in parents:
            place = place[parent]
        place[last] = yaml.safe_load(text)
    return parse_config(values, TrainConfig, "--set")


def measure(
    part: Callable[[], object], repeats: int, clock: Callable[[], float], device: torch.device
) -> float:
    """Median of ``repeats``, in seconds."""
    times = []
    for _ in range(repeats + 3):
        started = clock()
        part()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(clock() - started)
    return statistics.median(times[3:])


if __name__ == "__main__":
    main()
