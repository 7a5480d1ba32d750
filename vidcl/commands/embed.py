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
    """

    encoder: tyro.conf.Positional[str]
    """A run folder or a checkpoint file."""
    data: tyro.conf.Positional[Path]
    """A labelled set (Parquet) or a folder of images; there the class is the sub-folder."""
    out: Path
    """The Parquet file to write."""
    batch_size: int = 256
    """Images at once."""
    device: str | None = None
    """cpu, cuda, ...; by default a GPU when there is one."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="embed")
    from vidcl.evaluation.embed import embed, write_embeddings
    from vidcl.models.checkpoint import load_encoder

    encoder = load_encoder(options.encoder)
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
