"""How fast images are embedded, against the bare forward pass on batches that are ready.

    python benchmarks/embed.py
    python benchmarks/embed.py --networks resnet50 --threads 2 --images 512
    python benchmarks/embed.py --device cuda --images 8192

The images (256 px, procedural) are made in a temporary folder: as JPEG files, as a Parquet set of
PNGs, and for the small network as a Parquet set of 32 px. ``embed`` reads, decodes, resizes, hashes
and runs the network; "bare" runs the network alone on prepared tensors. Both take turns and keep
their best round. On a CPU decoding shares the cores with the network, so three things are printed:
the clock's ratio, the processor time of the forward pass as a share of all that embedding took, and
how long one thread prepares an image. With as many threads of torch as there are cores nothing is
left to hide decoding behind, and the share is the most that the ratio can be.
"""

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vidcl.datasets.labelled import LabelledSet, open_labelled_set, write_labelled_set
from vidcl.evaluation.embed import embed
from vidcl.evaluation.images import image_source
from vidcl.models.encoder import Architecture, Encoder, Preprocessing, build_encoder

#: Network -> side of its input in pixels.
NETWORKS = {"resnet18": 224, "resnet50": 224, "resnet_tiny": 32}
SIDE = 256
BATCH = 64


class Cost(NamedTuple):
    """Of one pass over all images, in seconds."""

    clock: float
    processor: float


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="of torch")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--smoke", action="store_true", help="a round of a few small images")
    options = parser.parse_args(arguments)
    side = SIDE
    if options.smoke:
        options.networks, options.images, options.rounds, side = ["resnet_tiny"], 20, 1, 40
    threads = torch.get_num_threads()
    print(
        f"{options.images} images of {side} px, batches of {options.batch}, "
        f"{os.cpu_count()} cores, {options.device}\n"
    )
    head = ("network", "set (a thread prepares an image in)", "threads", "bare, images/s")
    head += ("embed, images/s", "ratio", "forward pass, of the processor time")
    print("| " + " | ".join(head) + " |")
    print("|---|---|---|---|---|---|---|")
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name in options.networks:
                size = NETWORKS[name]
                sets = make_sets(Path(folder), options.images, side, size)
                encoder = build_encoder(Architecture(name), Preprocessing(size))
                for count in options.threads:
                    torch.set_num_threads(count)
                    for label, data in sets.items():
                        line(name, label, count, encoder, data, options)
    finally:
        torch.set_num_threads(threads)
    return 0


def line(
    name: str,
    label: str,
    threads: int,
    encoder: Encoder,
    data: LabelledSet,
    options: argparse.Namespace,
) -> None:
    """Measure one network on one set and print its row."""
    ready = prepared(encoder, data, options.batch, options.device)
    costs = race(
        {
            "bare": lambda: bare(encoder, ready, options.device),
            "embed": lambda: embed(encoder, data, batch_size=options.batch, device=options.device),
        },
        options.rounds,
    )
    one = alone(encoder, data)
    rates = {key: len(data) / cost.clock for key, cost in costs.items()}
    cells = [
        name,
        f"{label} ({1000 * one:.2f} ms)",
        str(threads),
        f"{rates['bare']:,.1f}",
        f"{rates['embed']:,.1f}",
        f"{rates['embed'] / rates['bare']:.2f}",
        f"{costs['bare'].processor / costs['embed'].processor:.0%}",
    ]
    print("| " + " | ".join(cells) + " |", flush=True)


def make_sets(folder: Path, count: int, side: int, size: int) -> dict[str, LabelledSet]:
    """A folder of JPEGs and a Parquet set of the same pictures; for a small input one of its size.

    What is there is not made again.
    """
    jpegs, pngs = folder / "jpeg", folder / "pngs.parquet"
    if not pngs.exists():
        images = np.stack([picture(side, seed) for seed in range(count)])
        jpegs.mkdir()
        for number, image in enumerate(images):
            (jpegs / f"{number:06}.jpg").write_bytes(jpeg(image))
        write_labelled_set(pngs, "pngs", images, {"instance": np.arange(count)})
    sets = {
        f"JPEG files, {side} px": open_labelled_set(jpegs),
        f"Parquet, {side} px": open_labelled_set(pngs),
    }
    if size < side // 2:
        small = folder / f"{size}.parquet"
        if not small.exists():
            images = np.stack([picture(size, seed) for seed in range(count)])
            write_labelled_set(small, "small", images, {"instance": np.arange(count)})
        sets[f"Parquet, {size} px"] = open_labelled_set(small)
    return sets


def picture(side: int, seed: int) -> np.ndarray:
    """uint8 [side, side, 3]: smooth colours with edges and some noise, as photographs have."""
    generator = np.random.default_rng(seed)
    small = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC))
    edges = np.asarray(
        Image.fromarray(small[::2, ::2]).resize((side, side), Image.Resampling.NEAREST)
    )
    noise = generator.integers(0, 16, (side, side, 1))
    return (smooth // 2 + edges // 3 + noise).astype(np.uint8)


def jpeg(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=90)
    return buffer.getvalue()


def prepared(encoder: Encoder, data: LabelledSet, batch: int, device: str) -> list[Tensor]:
    """The network's input, batch by batch."""
    source = image_source(data)
    batches = []
    for first in range(0, len(data), batch):
        images = np.stack([source.image(k) for k in range(first, min(first + batch, len(data)))])
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        batches.append(encoder.preprocess(pixels).to(device))
    return batches


def bare(encoder: Encoder, ready: list[Tensor], device: str) -> np.ndarray:
    """The forward pass alone, float32 [N, D]."""
    home = next(encoder.parameters()).device
    encoder.to(device)
    with torch.inference_mode():
        features = np.concatenate([encoder(batch).float().cpu().numpy() for batch in ready])
    encoder.to(home)
    return features


def alone(encoder: Encoder, data: LabelledSet, most: int = 64) -> float:
    """Seconds in which one thread reads, decodes and prepares an image."""
    source, threads = image_source(data), torch.get_num_threads()
    torch.set_num_threads(1)
    count = min(most, len(data))
    started = time.process_time()
    for index in range(count):
        pixels = torch.from_numpy(np.array(source.image(index))).permute(2, 0, 1)
        encoder.preprocess(pixels[None])
    taken = time.process_time() - started
    torch.set_num_threads(threads)
    return taken / count


def race(contestants: dict[str, Callable[[], object]], rounds: int) -> dict[str, Cost]:
    """Best of ``rounds``, taking turns, after one unmeasured turn each."""
    best = dict.fromkeys(contestants, Cost(float("inf"), float("inf")))
    for turn in range(rounds + 1):
        for name, work in contestants.items():
            clock, processor = time.perf_counter(), time.process_time()
            work()
            cost = Cost(time.perf_counter() - clock, time.process_time() - processor)
            if turn:
                pairs = zip(best[name], cost, strict=True)
                best[name] = Cost(*(min(old, new) for old, new in pairs))
    return best


if __name__ == "__main__":
    sys.exit(main())
