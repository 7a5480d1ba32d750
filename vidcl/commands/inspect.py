"""``vidcl inspect``: what a track store holds."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from vidcl.commands.options import parse


@dataclass(frozen=True)
class Options:
    """Count the tracks of a store, their lengths and why they ended; draw some of them.

    Examples:
      vidcl inspect store
      vidcl inspect store --sheet tracks.png --kind region --rows 16
    """

    store: tyro.conf.Positional[Path]
    """A folder written by vidcl extract."""
    sheet: Path | None = None
    """Write a contact sheet of sampled tracks to this PNG file."""
    kind: str | None = None
    """Draw only tracks of this kind: frame, region or image."""
    rows: int = 12
    """Tracks on the sheet."""
    seed: int = 0
    """Which tracks are drawn."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="inspect")
    from vidcl.tracks.inspect import contact_sheet, summary
    from vidcl.tracks.store import open_store

    store = open_store(options.store)
    print(summary(store))
    if options.sheet is not None:
        contact_sheet(
            store, options.sheet, rows=options.rows, kind=options.kind, seed=options.seed
        )
        print(f"sheet: {options.sheet}")
    return 0
