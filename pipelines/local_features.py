"""What an encoder's feature maps group together: clusters of locations, painted back on images.

    python pipelines/local_features.py runs/simclr --images photos/ --out local
    python pipelines/local_features.py moco_v2_200ep.pth.tar --images photos/ --out local \\
        --layers layer2 layer3 layer4 --size 448 --random
    python pipelines/local_features.py random:resnet18 --images world/sets/wild.parquet --out local

As Chen, Luo & Li (2011.02803) do: the vectors at all locations of an intermediate map are brought
to unit length and clustered by k-means, over all images together. An encoder is a vidcl run folder
or checkpoint, an official MoCo checkpoint, a torchvision state dict, or random:BACKBONE. Patches of
raw pixels are clustered too, and with --random the maps of the same network untrained.

Writes picture.png (a row per image, a column per layer; colours are by number and mean nothing
across columns) and clusters.json (settings, sizes of the clusters, inertia) into --out.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from vidcl.errors import VidclError
from vidcl.evaluation.images import ImageSource, image_source
from vidcl.evaluation.local.features import (
    LocalMaps,
    local_features,
    raw_patches,
)
from vidcl.evaluation.local.location_clusters import cluster_locations
from vidcl.files import write_atomic
from vidcl.models.checkpoint import load_encoder
from vidcl.models.encoder import Architecture, Encoder, Preprocessing, build_encoder, random_encoder
from vidcl.progress import Progress, show_progress
from vidcl.report.cluster_picture import cluster_picture
from vidcl.told import exit_status
from vidcl.training.processes import choose_device

RANDOM = "random:"
#: Raw patches per side of the image, about, where --patch is not given.
PATCHES = 28
#: Sides in pixels: the least --patch chosen, and the input of random:BACKBONE without --size.
LEAST_PATCH, DEFAULT_SIZE = 4, 224


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    encoder: tyro.conf.Positional[str]
    """Run folder, checkpoint, or random:BACKBONE."""
    images: Path
    """Folder of images or labelled set (Parquet)."""
    out: Path
    """Folder of the results."""
    layers: tuple[str, ...] | None = None
    """Modules of the backbone that give maps; by default all of layer1, layer2, ... (ResNets)."""
    clusters: int = 5
    """Clusters of each column."""
    count: int = 8
    """Images, evenly spread over the set."""
    size: int | None = None
    """Side of the input in pixels, for finer maps (the paper: 448); by default the encoder's."""
    random: bool = False
    """Show the maps of the same network with random weights beside."""
    patch: int | None = None
    """Side of the raw patches in pixels of the input; by default a 28th of it, at least 4."""
    blend: float = 0.35
    """Share of the image that shows through the colours, 0 to 1."""
    seed: int = 0
    """Of k-means and of the random network."""
    batch_size: int = 16
    """Images per forward pass."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""


def main() -> int:
    return exit_status(lambda: run(parse(sys.argv[1:])))


def parse(argv: list[str]) -> Options:
    return tyro.cli(Options, args=argv, description=__doc__)


def run(options: Options) -> None:
    check(options)
    device = choose_device(options.device)
    source = image_source(options.images)
    rows = spread(source.count, options.count)
    encoder = open_encoder(options)
    maps = LocalMaps(encoder, options.layers, options.size)  # a wrong layer is told at once
    pixels = seen_pixels(maps, source, rows)
    patch = options.patch or max(LEAST_PATCH, pixels.shape[1] // PATCHES)
    patches = raw_patches(pixels, patch)

    def columns(progress: Progress) -> Iterator[tuple[str, np.ndarray]]:
        networks = {"": encoder}
        if options.random:
            networks["random "] = random_encoder(encoder, options.seed)
        for prefix, network in networks.items():
            found = local_features(
                network,
                pixels,
                list(maps.shapes),
                size=options.size,
                batch_size=options.batch_size,
                device=device,
                progress=progress,
            )
            for layer, values in found.items():
                yield prefix + layer, values
        yield f"raw, {patch} px", patches

    painted: dict[str, np.ndarray] = {}
    told: dict[str, Any] = {}
    with show_progress("features", unit="images") as progress:
        for title, values in columns(progress):
            clusters = cluster_locations(values, options.clusters, seed=options.seed)
            painted[title] = clusters.assignments
            told[title] = {
                "map": list(values.shape[1:3]),
                "channels": values.shape[3],
                "sizes": clusters.sizes.tolist(),
                "inertia": clusters.inertia,
                "inertia_per_location": clusters.inertia / clusters.assignments.size,
            }
    results = {
        "settings": settings(options, pixels.shape[1], patch, device),
        "set": source.name,
        "rows": rows.tolist(),
        "columns": told,
    }
    picture = cluster_picture(pixels, painted, blend=options.blend)
    write_atomic(options.out / "clusters.json", (json.dumps(results, indent=1) + "\n").encode())
    write_atomic(options.out / "picture.png", picture)
    for title, numbers in told.items():
        height, width = numbers["map"]
        sizes = ", ".join(map(str, numbers["sizes"]))
        print(f"{title}: {height} x {width} locations in {len(rows)} images, clusters of {sizes}")
    print(f"\npicture: {options.out / 'picture.png'}\nnumbers: {options.out / 'clusters.json'}")


def check(options: Options) -> None:
    """Raises:
    VidclError: a number that cannot be.
    """
    counts = {
        "clusters": options.clusters,
        "count": options.count,
        "batch-size": options.batch_size,
    }
    sides = {"size": options.size, "patch": options.patch}
    for name, value in (counts | sides).items():
        if value is not None and value < 1:
            raise VidclError(f"Give --{name} at least 1, not {value}.")
    if not 0 <= options.blend <= 1:
        raise VidclError(f"Give --blend between 0 and 1, not {options.blend:g}.")
    if options.random and options.encoder.startswith(RANDOM):
        raise VidclError(f"{options.encoder} is random already: leave out --random.")
    if options.seed < 0:
        raise VidclError("Give a --seed of 0 or more.")


def open_encoder(options: Options) -> Encoder:
    if not options.encoder.startswith(RANDOM):
        return load_encoder(options.encoder)
    name = Architecture(options.encoder.removeprefix(RANDOM))
    preprocessing = Preprocessing(size=options.size or DEFAULT_SIZE)
    return random_encoder(build_encoder(name, preprocessing), options.seed)


def spread(total: int, count: int) -> np.ndarray:
    """``count`` rows evenly spread over ``total``, all of them where there are fewer; int64."""
    count = min(count, total)
    return np.arange(count) * total // count


def seen_pixels(maps: LocalMaps, source: ImageSource, rows: np.ndarray) -> np.ndarray:
    """The images as the network sees them, before normalisation: uint8 [N, S, S, 3]."""
    mean, std = (
        torch.tensor(values).view(3, 1, 1)
        for values in (maps.preprocessing.mean, maps.preprocessing.std)
    )
    shown = []
    for row in rows.tolist():
        image = torch.from_numpy(source.image(row).copy()).permute(2, 0, 1)
        seen = maps.preprocess(image[None])[0] * std + mean
        shown.append((seen.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())
    return np.stack(shown)


def settings(options: Options, side: int, patch: int, device: torch.device) -> dict[str, Any]:
    """Everything that decides the numbers, as json can write it."""
    return {
        "encoder": options.encoder,
        "images": str(options.images),
        "size": side,
        "clusters": options.clusters,
        "patch": patch,
        "random": options.random,
        "seed": options.seed,
        "device": device.type,
    }


if __name__ == "__main__":
    sys.exit(main())
