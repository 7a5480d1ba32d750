"""What the study of dataset bias trains on and asks: one store, scenes and objects."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from studies.bias.arms import StudyConfig, world_of
from studies.clips import write_clip_store
from vidcl.config import dump_config
from vidcl.datasets.labelled import write_labelled_set
from vidcl.progress import Progress
from vidcl.synthetic.claim import claim_folder
from vidcl.synthetic.clip import ObjectTruth, render_clip
from vidcl.synthetic.objects import build_instances
from vidcl.synthetic.sets import Held, evaluation_set
from vidcl.tracks.crops import CropConfig, resize_area

SCENES = "scenes"
#: Sets of single objects, and which held-out objects probes are fitted on and tested on.
OBJECT_SETS = ("viewpoint", "wild")
HALVES: dict[str, Held] = {"fit": "tune", "test": "report"}
#: The canvases of the scenes that are asked come from a world of their own.
_OTHER_WORLD = 1_000_000
#: Least seen share of an object that counts as being in the scene.
_SEEN = 0.3


def make_data(folder: Path, settings: StudyConfig, progress: Progress | None = None) -> None:
    """What is not there yet of the store and the labelled sets; they do not depend on the seed.

    Raises:
        VidclError: the folder holds the data of another world.
    """
    world = world_of(settings)
    claim_folder(folder / "world.yaml", dump_config(world))
    parts: list[Callable[[], object]] = [
        lambda: write_clip_store(
            world,
            [build_instances(world, "train")] * settings.clips,
            folder / "store",
            CropConfig(canvas=settings.canvas),
            one_box=True,
        )
    ]
    parts += [
        partial(_write, folder / f"{name}-{half}.parquet", name, half, settings)
        for half in HALVES
        for name in (SCENES, *OBJECT_SETS)
    ]
    for done, part in enumerate(parts):
        if progress:
            progress(done, len(parts))
        part()
    if progress:
        progress(len(parts), len(parts))


def _write(path: Path, name: str, half: str, settings: StudyConfig) -> None:
    if path.is_file():
        return
    if name == SCENES:
        drawn = scenes(settings, list(HALVES).index(half))
    else:
        drawn = evaluation_set(world_of(settings), name, objects=HALVES[half])
    write_labelled_set(path, name, *drawn)


def scenes(settings: StudyConfig, half: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Whole frames, the first and the last of many clips: uint8 [N, C, C, 3]; ``scene`` (which
    canvas), and for every class whether an object of it is seen (``has CLASS``).

    The objects are those of the clips to train on, in clips of other ways and light.
    """
    world = world_of(settings)
    instances = build_instances(world, "train")
    classes = sorted({instance.class_name for instance in instances})
    videos = world.videos.model_copy(update={"canvases": settings.scenes, "frames": 2})
    other = world.model_copy(update={"seed": world.seed + _OTHER_WORLD, "videos": videos})
    images, numbers, found = [], [], []
    for index in range(half * settings.asked, (half + 1) * settings.asked):
        clip = render_clip(other, index, instances)
        for step, frame in enumerate(clip.frames):
            images.append(resize_area(frame, settings.canvas))
            numbers.append(index % settings.scenes)
            found.append({truth.class_name for truth in clip.objects if _seen(truth, step)})
    labels = {f"has {name}": np.array([name in each for each in found]) for name in classes}
    return np.stack(images), {"scene": np.array(numbers)} | labels


def _seen(truth: ObjectTruth, step: int) -> bool:
    at = np.flatnonzero(truth.frames == step)
    return len(at) > 0 and bool(truth.visible[at[0]] >= _SEEN)
