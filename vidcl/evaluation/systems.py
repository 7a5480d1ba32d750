"""The rows of a result table: encoders' features on every set, and the controls beside them."""

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from vidcl.datasets.labelled import LabelledSet
from vidcl.evaluation.controls import color_histogram_table, iid_table, raw_pixels_table
from vidcl.evaluation.embed import embed
from vidcl.evaluation.evaluate import System
from vidcl.models.checkpoint import Encoder, random_encoder

Sets = Mapping[str, LabelledSet]
CONTROLS = ("random network", "i.i.d. features", "colour histogram", "raw pixels")


def encoder_tables(
    encoder: Encoder, sets: Sets, *, progress: Callable[[int, int], None] | None = None
) -> dict[str, pa.Table]:
    """The features of every set, {set name: table}."""
    tables = {}
    for done, (name, data) in enumerate(sets.items(), start=1):
        tables[name] = embed(encoder, data, name=name)
        if progress is not None:
            progress(done, len(sets))
    return tables


def control_systems(sets: Sets, like: Encoder, seeds: Sequence[int] = (0,)) -> list[System]:
    """The control rows: a network with fresh weights, i.i.d. features, histogram, raw pixels.

    Args:
        like: gives the architecture, the preprocessing and the width of the i.i.d. features.
        seeds: draws of the random network and of the i.i.d. features; the others draw nothing.
    """
    networks = [encoder_tables(random_encoder(like, seed), sets) for seed in seeds]
    iid = [
        {name: iid_table(table, like.feature_dim, seed) for name, table in networks[0].items()}
        for seed in seeds
    ]
    histogram = {name: color_histogram_table(data) for name, data in sets.items()}
    pixels = {name: raw_pixels_table(data) for name, data in sets.items()}
    runs = (networks, iid, [histogram], [pixels])
    return [System(name, tables, "control") for name, tables in zip(CONTROLS, runs, strict=True)]
