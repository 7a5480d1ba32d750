"""How fast a preset trains, part by part, and how near that is to the network alone.

    OMP_NUM_THREADS=1 python benchmarks/trainer.py laptop/region_track --data store

The ceiling is forward and backward of the query encoder and forward of the key encoder on ready
views. Times are the best of several repeats: of the processor's time by default, so that other
programs on the machine disturb little; ``--wall`` measures the clock's.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch

from vidcl.config import load_config
from vidcl.presets import find_preset
from vidcl.tracks.store import open_store
from vidcl.training.build import build_method
from vidcl.training.config import TrainConfig
from vidcl.training.crops import Crops
from vidcl.training.memory import keep_freed_memory
from vidcl.training.optimizer import build_optimizer
from vidcl.training.pair_views import Batch, PairViews
from vidcl.training.pairs import PairSampler
from vidcl.training.processes import autocast_dtype, choose_device


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a YAML file or a preset's name")
    parser.add_argument("--data", type=Path, required=True, help="a track store")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--no-cache", action="store_true", help="decode every crop every time")
    parser.add_argument("--wall", action="store_true", help="measure wall time")
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()

    config = load_config(find_preset(options.config), TrainConfig)
    device = choose_device(options.device)
    if device.type == "cpu":
        keep_freed_memory()
    dtype = autocast_dtype(options.precision, device)
    store = open_store(options.data)
    batch_size = config.training.batch_size
    sampler = PairSampler(store, config.pairs, batch_size, config.seed)
    cache = 0 if options.no_cache else config.training.decoded_cache_mb * 2**20
    crops = Crops(store, sampler.rows, device, cache)
    views = PairViews(config, crops, dtype=dtype)
    method = build_method(config, sampler.crops).to(device)
    for encoder in (method.encoder_q, method.encoder_k):
        encoder.to(memory_format=torch.channels_last)
    optimizer = build_optimizer(method.encoder_q, config.training)
    autocast = torch.autocast(device.type, dtype, enabled=dtype is not None)
    drawn = 0

    def read() -> Batch:
        nonlocal drawn
        drawn = (drawn + 1) % 50
        return views.read(sampler.batch(drawn), drawn)

    for _ in range(50):  # fills the cache of decoded crops
        batch = read()
    x_q, x_k = views.make(batch)
    tracks = batch.tracks.to(device)

    def network() -> None:
        with autocast:
            out = method.encoder_q(x_q)
            with torch.no_grad():
                method.encoder_k(x_k)
        out.float().square().mean().backward()
        optimizer.zero_grad()

    def loss() -> None:
        with autocast:
            outcome = method(x_q, x_k, tracks, generator=batch.generator)
        outcome.loss.backward()
        optimizer.zero_grad()

    def step() -> None:
        ready = read()
        q, k = views.make(ready)
        with autocast:
            outcome = method(q, k, ready.tracks.to(device), generator=ready.generator)
        outcome.loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    parts: dict[str, Callable[[], object]] = {
        "read crops, draw parameters": read,
        "make views": lambda: views.make(batch),
        "network alone (the ceiling)": network,
        "network and MoCo's loss": loss,
        "whole step": step,
    }
    clock = time.perf_counter if options.wall or device.type == "cuda" else time.process_time
    best = {name: measure(part, options.repeats, clock, device) for name, part in parts.items()}
    name = str(dtype or torch.float32).removeprefix("torch.")
    print(f"{config.model.backbone}, batch {batch_size}, {name}, {device}")
    for part, seconds in best.items():
        print(f"  {part:<30} {1000 * seconds:8.2f} ms  {batch_size / seconds:8.0f} pairs/s")
    share = best["network alone (the ceiling)"] / best["whole step"]
    print(f"  share of the ceiling reached   {share:8.1%}")


def measure(
    part: Callable[[], object], repeats: int, clock: Callable[[], float], device: torch.device
) -> float:
    """Best of ``repeats``, in seconds."""
    times = []
    for _ in range(repeats + 3):
        started = clock()
        part()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(clock() - started)
    return min(times[3:])


if __name__ == "__main__":
    main()
