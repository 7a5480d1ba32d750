"""``vidcl retrieve``: what one encoder finds, as numbers and as a gallery."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from vidcl.commands.options import parse


@dataclass(frozen=True)
class Options:
    """Retrieve the same instance from another view, exactly, through FAISS.

    Every image is a query; the gallery is all others, except views of the query's own instance
    closer than --min-gap. With --images, a picture shows queries and what they found.

    Examples:
      vidcl retrieve wild.parquet
      vidcl retrieve wild.parquet --images world/sets/wild.parquet --gallery gallery.png
    """

    table: tyro.conf.Positional[Path]
    """Features from vidcl embed."""
    instance_column: str = "instance"
    """The label that names the thing shown."""
    angle_column: str = "azimuth"
    """Degrees around it; without such a column every other image may be found."""
    polar_column: str = "polar"
    """Degrees from the top; with it views are as far apart as their directions on the sphere."""
    min_gap: float = 45.0
    """Degrees."""
    images: str | None = None
    """The set the features were made from, as vidcl embed takes it."""
    gallery: Path | None = None
    """PNG to draw: eight queries, five answers each, right ones framed green."""
    seed: int = 0
    """Which queries are drawn."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="retrieve")
    from vidcl.errors import VidclError
    from vidcl.evaluation.embed import read_embeddings
    from vidcl.evaluation.retrieval.cross_view import cross_view_retrieval
    from vidcl.evaluation.table import table_column, table_features

    if (options.images is None) != (options.gallery is None):
        raise VidclError("--images and --gallery go together: give both or neither.")
    table = read_embeddings(options.table)
    angles, polar = (
        table_column(table, column) if column in table.column_names else None
        for column in (options.angle_column, options.polar_column)
    )
    result = cross_view_retrieval(
        table_features(table),
        table_column(table, options.instance_column),
        angles,
        options.min_gap,
        polar=polar,
        seed=options.seed,
    )
    for name in ("recall@1", "recall@5", "map"):
        low, high = result[f"{name}_interval"]
        print(f"{name:<9} {100 * result[name]:5.1f} %   95 %: {100 * low:.1f} to {100 * high:.1f}")
    print(f"{result['n']} queries, {result['n_excluded']} without a right answer left out")
    for middle, recall, queries in result["gap_curve"]:
        print(f"  views {middle:5.1f} deg apart: recall@1 {100 * recall:5.1f} %  ({queries:.0f})")
    if options.images is not None and options.gallery is not None:
        _draw(options, table)
        print(f"gallery: {options.gallery}")
    return 0


def _draw(options: Options, table: object) -> None:
    import pyarrow as pa

    from vidcl.datasets.registry import open_dataset
    from vidcl.evaluation.galleries import build_gallery
    from vidcl.evaluation.gallery_picture import gallery_picture
    from vidcl.files import write_atomic

    assert isinstance(table, pa.Table) and options.images is not None and options.gallery
    gallery = build_gallery(
        options.table.stem,
        {options.table.stem: table},
        open_dataset(options.images),
        instance_column=options.instance_column,
        position_column=options.angle_column,
        polar_column=options.polar_column,
        min_gap=options.min_gap,
        queries=8,
        neighbours=5,
        seed=options.seed,
    )
    write_atomic(options.gallery, gallery_picture(gallery))
