"""``vidcl world``: render the procedural world."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vidcl.commands.options import parse
from vidcl.config import load_config
from vidcl.jobs import default_workers
from vidcl.presets import find_preset
from vidcl.progress import show_progress


@dataclass(frozen=True)
class Options:
    """Render videos (H.264) with exact boxes, and labelled evaluation sets with exact factors.

    Examples:
      vidcl world --out world
      vidcl world --config world_v1 --out world --objects tune
    """

    out: Path
    """Folder for videos/, boxes/ and sets/."""
    config: str = "world_demo"
    """A YAML file or preset: world_demo or world_v1."""
    objects: Literal["report", "tune"] = "report"
    """Which held-out objects the sets show; tune on others than you report."""
    workers: int = default_workers()
    """Processes that render."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="world")
    from vidcl.datasets.labelled import write_labelled_set
    from vidcl.synthetic.config import WorldConfig
    from vidcl.synthetic.sets import write_sets
    from vidcl.synthetic.videos import render_videos

    config = load_config(find_preset(options.config), WorldConfig)
    with show_progress("render", unit="videos") as progress:
        render_videos(config, options.out, workers=options.workers, progress=progress)
    with show_progress("sets", unit="sets") as progress:
        write_sets(
            config,
            options.out / "sets",
            objects=options.objects,
            write=write_labelled_set,
            progress=progress,
        )
    print(f"world: {options.out}\nnext:  vidcl extract {options.out / 'videos'} --out store")
    return 0
