"""``vidcl embed``: an encoder and images in, a table of features out."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from vidcl.commands.options import parse
from vidcl.progress import show_progress

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Options:
    """Turn every image of a set into a feature, and write them with their labels as Parquet.

    Examples:
      vidcl embed runs/region_track world/sets/wild.parquet --out wild.parquet
      vidcl embed torchvision:resnet50 photos/ --out photos.parquet
      vidcl embed color-histogram eth80:ETH80 --out colours.parquet
      vidcl embed runs/invclr photos/ --out photos.parquet --average-views 100
      vidcl embed runs/looc wild.parquet --out time.parquet --space 1
    """

    encoder: tyro.conf.Positional[str]
    """A run folder, a file of weights, random:BACKBONE, torchvision:NAME or timm:NAME (published
    weights on this machine; NAME@FILE takes a file), color-histogram, raw-pixels, or features:FILE
    (Parquet or .npy)."""
    data: tyro.conf.Positional[str]
    """A labelled set (Parquet), a folder of images (there the class is the sub-folder), a CSV file,
    or KIND:PATH of a published set."""
    out: Path
    """The Parquet file to write."""
    size: int | None = None
    """Side in pixels of the input of random:BACKBONE and of files that do not say (else 224)."""
    arch: str | None = None
    """The backbone of a file of weights whose tensors do not tell."""
    batch_size: int = 256
    """Images at once."""
    average_views: int | None = None
    """Average the features of so many random views of each image (InvCLR), drawn as the run drew
    its views; of a file that does not say how, as MoCo v2 does."""
    seed: int = 0
    """Of these views, and of the weights of random:BACKBONE."""
    space: int | None = None
    """Of a network with several embedding spaces (LooC): give the projection into this one."""
    device: str | None = None
    """cpu, cuda, ...; by default a GPU when there is one."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="embed")
    from vidcl.datasets.registry import open_dataset
    from vidcl.evaluation.embed import write_embeddings

    if options.average_views is None and options.space is None:
        from vidcl.evaluation.encoders import open_encoder

        encoder = open_encoder(
            options.encoder,
            size=options.size,
            arch=options.arch,
            device=options.device,
            batch_size=options.batch_size,
            seed=options.seed,
        )
        data = open_dataset(options.data)
        encoder.check(data)
        with show_progress("embed", unit="images") as progress:
            table = encoder.table(data, progress)
    else:
        table = _of_a_run(options)
    write_embeddings(table, options.out)
    print(f"{table.num_rows} features: {options.out}\nnext: vidcl evaluate {options.out}")
    return 0


def _of_a_run(options: Options) -> "pa.Table":
    """What only a trained network has: averages over its views, several embedding spaces."""
    from torch import nn

    from vidcl.datasets.registry import open_dataset
    from vidcl.evaluation.averaged import AveragedViews, training_views
    from vidcl.evaluation.embed import embed
    from vidcl.models.checkpoint import load_encoder

    trained = load_encoder(options.encoder, arch=options.arch, space=options.space)
    encoder: nn.Module = trained
    if options.average_views is not None:
        views = training_views(options.encoder, trained.preprocessing)
        encoder = AveragedViews(trained, views, options.average_views, options.seed)
    data = open_dataset(options.data)
    with show_progress("embed", unit="images") as progress:
        return embed(
            encoder,
            data,
            batch_size=options.batch_size,
            device=options.device,
            progress=progress,
        )
