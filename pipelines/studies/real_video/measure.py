"""One system or control on one seed: train it, and ask it about every set."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from studies.real_video.config import CONTROLS, SYSTEMS, StudyConfig, training_of
from studies.real_video.retrieve import RECALL_AT, retrieve
from studies.real_video.sets import TestSet, open_tests
from studies.real_video.stores import store_path
from vidcl.datasets.labelled import LabelledSet
from vidcl.demo.stages import held_out_tracks
from vidcl.evaluation.controls import color_histogram_table, raw_pixels_table
from vidcl.evaluation.embed import embed
from vidcl.evaluation.invariance.ris import ris
from vidcl.evaluation.probes.knn import knn_accuracy
from vidcl.evaluation.table import embedding_table, table_features
from vidcl.evaluation.tracks import half_track_metrics
from vidcl.files import atomic_path
from vidcl.models.checkpoint import load_encoder
from vidcl.progress import Progress
from vidcl.training.build import untrained_encoder
from vidcl.training.loop import train
from vidcl.training.metrics import read_metrics
from vidcl.training.processes import choose_device

#: Units that RIS averages over.
TOP = 10
#: Images of one thing that RIS needs.
LEAST_VIEWS = 3
#: Added to a set's name: the gallery holds images of the query's own class alone.
WITHIN = " within class"

#: Images to features, float32 [N, D].
Features = Callable[[np.ndarray | LabelledSet], np.ndarray]


class MeasureConfig(StudyConfig):
    """The study's settings and what it asks about."""

    tests: tuple[str, ...] = ()
    """NAME:PATH of the sets."""


def measure(
    arm: str, seed: int, settings: MeasureConfig, folder: Path, progress: Progress | None = None
) -> dict[str, float]:
    """Everything about one arm on one seed, numbers by ``SET METRIC`` or ``SET METRIC GAP``.

    Trains in ``folder`` (nothing where the arm is a control), and leaves ``queries.npz`` there with
    a row for every query in the set's order: ``SET GAP``, bool [Q], whether the nearest image was
    right, and ``SET GAP thing``, int32 [Q], which thing the query shows.

    Raises:
        VidclError: a set or a store is missing or unfit.
    """
    out = folder.parents[2]
    numbers: dict[str, float] = {}
    features = _features(arm, seed, settings, folder, progress)
    if arm in SYSTEMS:
        last = read_metrics(folder / "metrics.jsonl")[-1]
        numbers |= {name: last[name] for name in ("loss", "i_nce", "positive_cosine")}
    if settings.hold_out:
        numbers |= half_track_recall(features, out)
    hits: dict[str, np.ndarray] = {}
    for name, test in open_tests(settings.tests).items():
        asked, nearest = ask(name, features(test.images), test, settings)
        numbers |= asked
        hits |= nearest
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / "queries.npz") as aside, open(aside, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **hits)
    return numbers


def _features(
    arm: str, seed: int, settings: StudyConfig, folder: Path, progress: Progress | None
) -> Features:
    if arm == "colour histogram":
        return lambda images: table_features(color_histogram_table(images))
    if arm == "raw pixels":
        return lambda images: table_features(raw_pixels_table(images))
    if arm in CONTROLS:
        encoder = untrained_encoder(training_of("moco", seed, settings))
        if arm == "i.i.d. features":
            generator, width = np.random.default_rng(seed), encoder.feature_dim
            return lambda images: generator.standard_normal((len(images), width), np.float32)
    else:
        train(
            training_of(arm, seed, settings),
            store_path(folder.parents[2], SYSTEMS[arm][1]),
            folder,
            resume="auto",
            progress=progress,
            say=lambda line: None,  # runs side by side would talk at once: see metrics.jsonl
        )
        encoder = load_encoder(folder)
    device: torch.device = choose_device(settings.device)
    return lambda images: table_features(embed(encoder, images, device=device))


def half_track_recall(features: Features, out: Path) -> dict[str, float]:
    """``tracks recall@1`` among the tracks of clips that were not trained on
    (``evaluation.tracks``); nothing where there are too few."""
    tracks = held_out_tracks(store_path(out, "tracks"), 0)
    if tracks is None:
        return {}
    labelled = embedding_table(features(tracks), tracks.labels, {})
    found = half_track_metrics(labelled, k=(1,), backend="auto", bootstrap=0, seed=0)
    return {"tracks recall@1": found["recall@1"]}


def ask(
    name: str, features: np.ndarray, test: TestSet, settings: StudyConfig
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Numbers of one set, and which queries found the right thing first."""
    numbers: dict[str, float] = {}
    hits: dict[str, np.ndarray] = {}
    instances = test.views.instances
    things = np.unique(instances, return_inverse=True)[1].astype(np.int32)
    galleries = {name: None} if test.classes is None else {name: None, name + WITHIN: test.classes}
    for label, within in galleries.items():
        found = retrieve(features, test.views, settings.gaps, within)
        for gap, values in found.items():
            for metric in (*(f"recall@{k}" for k in RECALL_AT), "map"):
                numbers[f"{label} {metric} {gap:g}"] = float(values[metric].mean())
            numbers[f"{label} n {gap:g}"] = len(values["queries"])
            hits[f"{label} {gap:g}"] = values["recall@1"].astype(bool)
            hits[f"{label} {gap:g} thing"] = things[values["queries"]]
    classes = instances if test.classes is None else test.classes
    if np.unique(instances, return_counts=True)[1].max() >= LEAST_VIEWS:
        top = min(TOP, features.shape[1])
        numbers[f"{name} ris@{TOP}"] = ris(features, instances, classes, (top,))[f"ris@{top}"]
    if test.classes is not None:
        found_knn = knn_accuracy(features, test.classes, instances, bootstrap=0)
        numbers[f"{name} knn"] = found_knn["knn"]
    return numbers, hits
