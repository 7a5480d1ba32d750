"""What is learnt of the object and of the background behind it: the sets and the probes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from studies.clips import write_clip_store
from studies.looc.probe import learn_letters
from studies.suppression.background_arms import ARMS, Arm, BackgroundConfig, training_of, world_of
from vidcl.datasets.labelled import write_labelled_set
from vidcl.evaluation.controls import color_histogram_table, raw_pixels_table
from vidcl.evaluation.embed import embed
from vidcl.evaluation.images import image_source
from vidcl.evaluation.probes.linear import linear_probe
from vidcl.evaluation.table import table_features
from vidcl.models.checkpoint import load_encoder
from vidcl.progress import Progress
from vidcl.synthetic.clip import render_clip
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.objects import Instance, build_instances
from vidcl.tracks.crops import CropConfig, cut_replicated, enclosing_square, resize_area, widen
from vidcl.training.build import untrained_encoder
from vidcl.training.loop import train
from vidcl.training.processes import choose_device

#: What is asked of a feature, and of what pictures.
PROBES = ("object", "background")
INPUTS = ("frame", "crop")
#: The canvases of the labelled clips come from a world of their own.
_OTHER_WORLD = 1_000_000
#: The camera over the labelled canvases, in pixels per clip: not one window is learnt by heart.
_DRIFT = 32.0
_MARGIN = CropConfig().margin

Features = Callable[[np.ndarray], np.ndarray]


def measure(
    arm: str,
    seed: int,
    settings: BackgroundConfig,
    folder: Path,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Train an arm and probe it: accuracy by probe and input (``object frame`` and so on)."""
    data = folder.parents[2] / "data" / f"seed-{seed}"
    device = choose_device(settings.device)
    if arm == "pixels":
        return probe(lambda images: table_features(raw_pixels_table(images)), data)
    if arm == "histogram":
        return probe(lambda images: table_features(color_histogram_table(images)), data)
    if arm in ("random", "supervised"):
        config = training_of(ARMS["shared"], seed, settings)
        encoder = untrained_encoder(config)
        if arm == "supervised":
            learn_letters(encoder, config, data / "train.parquet", progress)
    else:
        chosen = ARMS[arm]
        run = train(
            training_of(chosen, seed, settings),
            store_path(data, chosen),
            folder,
            resume="auto",
            progress=progress,
            say=lambda line: None,  # arms side by side would talk at once: see metrics.jsonl
        )
        encoder = load_encoder(run)
    return probe(lambda images: table_features(embed(encoder, images, device=device)), data)


def probe(features_of: Features, data: Path) -> dict[str, float]:
    """Linear probes fitted on half of the labelled clips and asked of the others."""
    sets = {
        (input_, half): image_source(data / f"{input_}-{half}.parquet")
        for input_ in INPUTS
        for half in ("fit", "test")
    }
    numbers = {}
    for input_ in INPUTS:
        features, labels = [], []
        for half in ("fit", "test"):
            source = sets[input_, half]
            images = np.stack([source.image(row) for row in range(source.count)])
            features.append(features_of(images))
            labels.append(source.labels)
        for asked in PROBES:
            result = linear_probe(
                features[0], labels[0][asked], features[1], labels[1][asked],
                l2=1e-3, iterations=100,
            )  # fmt: skip
            numbers[f"{asked} {input_}"] = result["accuracy"]
            numbers[f"{asked} chance"] = result["chance"]
    return numbers


def store_path(data: Path, arm: Arm) -> Path:
    """Stores are named after what differs in their world; arms of one world share it."""
    parts = [str(value) for _, value in arm.world] or ["clip"]
    return data / ("store-" + "-".join(parts))


def make_data(data: Path, arms: list[str], seed: int, settings: BackgroundConfig) -> None:
    """Stores to train on, and labelled sets, of one seed; those that are there are kept."""
    crop = CropConfig(canvas=settings.size, margin=_MARGIN)
    for name in arms:
        if name in ARMS:
            world = world_of(ARMS[name], seed, settings)
            everything = build_instances(world, "train")
            objects = [[everything[n % len(everything)]] for n in range(settings.clips)]
            write_clip_store(world, objects, store_path(data, ARMS[name]), crop)
    if "supervised" in arms:
        _write_taught(data / "train.parquet", seed, settings)
    _write_labelled(data, seed, settings)


def _write_taught(path: Path, seed: int, settings: BackgroundConfig) -> None:
    """The frames of the clips to train on, each with the name of its object."""
    if path.is_file():
        return
    world = world_of(ARMS["shared"], seed, settings)
    instances = build_instances(world, "train")
    images, names = [], []
    for number in range(settings.clips):
        instance = instances[number % len(instances)]
        images.append(render_clip(world, number, [instance]).frames)
        names += [instance.name] * settings.frames
    write_labelled_set(path, "train", np.concatenate(images), {"class": np.array(names)})


def _write_labelled(data: Path, seed: int, settings: BackgroundConfig) -> None:
    """Every object on every one of a few canvases, so that neither tells the other.

    Clips are others than those to train on, with a camera that moves; of each its first and its
    last frame. Halves share no clip.
    """
    world = world_of(Arm("", (("camera_drift", _DRIFT), ("canvases", settings.canvases),
                              ("frames", 2))), seed + _OTHER_WORLD, settings)  # fmt: skip
    instances = build_instances(world_of(ARMS["shared"], seed, settings), "train")
    for number, half in enumerate(("fit", "test")):
        paths = {input_: data / f"{input_}-{half}.parquet" for input_ in INPUTS}
        if all(path.is_file() for path in paths.values()):
            continue
        pictures, labels = labelled_clips(world, instances, settings, number)
        for input_, path in paths.items():
            write_labelled_set(path, input_, pictures[input_], labels)


def labelled_clips(
    world: WorldConfig, instances: list[Instance], settings: BackgroundConfig, half: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Pictures uint8 [N, S, S, 3] by input, whole frames and exact boxes; and their labels."""
    pictures: dict[str, list[np.ndarray]] = {input_: [] for input_ in INPUTS}
    objects, backgrounds = [], []
    total = settings.takes * len(instances) * settings.canvases
    for number in range(total):
        canvas = number % settings.canvases
        instance = instances[number // settings.canvases % len(instances)]
        # a clip's canvas is its number modulo the canvases, and so is ``number``'s
        clip = render_clip(world, half * total + number, [instance])
        (truth,) = clip.objects
        for step, box in zip(truth.frames, truth.boxes, strict=True):
            frame = clip.frames[step]
            x0, y0, x1, y1 = (float(value) for value in box)
            around = widen(enclosing_square((x0, y0, x1, y1)), _MARGIN)
            pictures["frame"].append(frame)
            pictures["crop"].append(resize_area(cut_replicated(frame, around), settings.size))
            objects.append(instance.name)
            backgrounds.append(canvas)
    labels = {"object": np.array(objects), "background": np.array(backgrounds)}
    return {name: np.stack(images) for name, images in pictures.items()}, labels
