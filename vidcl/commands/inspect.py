"""``vidcl inspect``: what a track store holds."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from vidcl.commands.options import parse


@dataclass(frozen=True)
class Options:
    """Tell how far a store's extraction is, what failed, and which files took longest; count its
    tracks, their lengths and why they ended; draw some of them. Also while it is extracted.

    Examples:
      vidcl inspect store
      vidcl inspect store --sheet tracks.png --tracks 24 --seed 1
    """

    store: tyro.conf.Positional[Path]
    """A folder written by vidcl extract."""
    sheet: Path | None = None
    """Write a contact sheet of sampled tracks to this PNG file."""
    tracks: int = 16
    """Tracks on the sheet."""
    seed: int = 0
    """Which tracks are drawn."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="inspect")
    import numpy as np

    from vidcl.tracks.inspect import summarize, write_contact_sheet

    print(summarize(options.store))
    if options.sheet is not None:
        rng = np.random.default_rng(options.seed)
        write_contact_sheet(options.store, options.sheet, rng, tracks=options.tracks)
        print(f"sheet: {options.sheet}")
    return 0
