"""``vidcl embed``: an encoder and images in, a table of features out."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from vidcl.commands.options import parse
from vidcl.progress import show_progress


@dataclass(frozen=True)
class Options:
    """Turn every image of a set into a feature, and write them with their labels as Parquet.

    Examples:
      vidcl embed runs/region_track world/sets/wild.parquet --out wild.parquet
      vidcl embed runs/region_track photos/ --out photos.parquet
      vidcl embed runs/invclr photos/ --out photos.parquet --average-views 100
      vidcl embed runs/looc wild.parquet --out time.parquet --space 1
    """

    encoder: tyro.conf.Positional[str]
    """A run folder or a checkpoint file."""
    data: tyro.conf.Positional[Path]
    """A labelled set (Parquet) or a folder of images; there the class is the sub-folder."""
    out: Path
    """The Parquet file to write."""
    batch_size: int = 256
    """Images at once."""
    average_views: int | None = None
    """Average the features of so many random views of each image (InvCLR), drawn as the run drew
    its views; of a file that does not say how, as MoCo v2 does."""
    seed: int = 0
    """Of these views."""
    space: int | None = None
    """Of a network with several embedding spaces (LooC): give the projection into this one."""
    device: str | None = None
    """cpu, cuda, ...; by default a GPU when there is one."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="embed")
    from torch import nn

    from vidcl.evaluation.averaged import AveragedViews, training_views
    from vidcl.evaluation.embed import embed, write_embeddings
    from vidcl.models.checkpoint import load_encoder

    trained = load_encoder(options.encoder, space=options.space)
    encoder: nn.Module = trained
    if options.average_views is not None:
        views = training_views(options.encoder, trained.preprocessing)
        encoder = AveragedViews(trained, views, options.average_views, options.seed)
    with show_progress("embed", unit="images") as progress:
        table = embed(
            encoder,
            options.data,
            batch_size=options.batch_size,
            device=options.device,
            progress=progress,
        )
    write_embeddings(table, options.out)
    print(f"{table.num_rows} features: {options.out}\nnext: vidcl evaluate {options.out}")
    return 0
