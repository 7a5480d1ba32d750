"""Rendered clips and a labelled set of rendered views, for a run that needs no data."""

from pathlib import Path

from vidcl.config import load_config
from vidcl.datasets.labelled import write_labelled_set
from vidcl.presets import find_preset
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.sets import write_sets
from vidcl.synthetic.videos import render_videos

#: Of the rendered world: few, and two things of every class so that there is one to confuse.
CLIPS, FRAMES, OBJECTS, VIEWS = 3, 30, 2, 6


def smoke_data(out: Path) -> tuple[Path, tuple[str, ...]]:
    """A folder of clips, and what ``--tests`` would say of a set of views; kept where it is."""
    world = load_config(find_preset("world_demo"), WorldConfig)
    world = world.model_copy(
        update={
            "objects": world.objects.model_copy(
                update={"report_per_class": OBJECTS, "tune_per_class": OBJECTS}
            ),
            "videos": world.videos.model_copy(update={"count": CLIPS, "frames": FRAMES}),
            "sets": world.sets.model_copy(update={"views": VIEWS, "backgrounds": 1}),
        }
    )
    folder = out / "world"
    render_videos(world, folder, workers=1)
    write_sets(world, folder / "sets", ("viewpoint",), "report", write=write_labelled_set)
    return folder / "videos", (f"views:{folder / 'sets' / 'viewpoint.parquet'}",)
