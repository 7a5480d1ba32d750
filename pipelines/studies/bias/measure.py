"""What a network of the study knows of scenes and of objects."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from studies.bias.arms import ARMS, StudyConfig, training_of
from studies.bias.data import OBJECT_SETS
from vidcl.errors import VidclError
from vidcl.evaluation.config import EvaluationConfig
from vidcl.evaluation.controls import color_histogram_table, raw_pixels_table
from vidcl.evaluation.embed import embed
from vidcl.evaluation.images import image_source
from vidcl.evaluation.probes.linear import fit_logistic, linear_probe
from vidcl.evaluation.retrieval.cross_view import cross_view_retrieval
from vidcl.evaluation.table import table_features
from vidcl.models.checkpoint import load_encoder
from vidcl.progress import Progress
from vidcl.training.build import untrained_encoder
from vidcl.training.loop import train
from vidcl.training.processes import choose_device

Features = Callable[[np.ndarray], np.ndarray]
_L2 = 1e-2
_ITERATIONS = 100


def measure(
    arm: str, seed: int, settings: StudyConfig, folder: Path, progress: Progress | None = None
) -> dict[str, float]:
    """Train an arm and ask it of scenes and objects: numbers by name, in 0..1."""
    data = folder.parents[2] / "data"
    if arm == "pixels":
        return ask(lambda images: table_features(raw_pixels_table(images)), data)
    if arm == "histogram":
        return ask(lambda images: table_features(color_histogram_table(images)), data)
    if arm == "random":
        encoder = untrained_encoder(training_of(next(iter(ARMS.values())), seed, settings))
    else:
        run = train(
            training_of(ARMS[arm], seed, settings),
            data / "store",
            folder,
            resume="auto",
            progress=progress,
            say=lambda line: None,  # arms side by side would talk at once: see metrics.jsonl
        )
        encoder = load_encoder(run)
    device = choose_device(settings.device)
    return ask(lambda images: table_features(embed(encoder, images, device=device)), data)


def ask(features_of: Features, data: Path) -> dict[str, float]:
    """The numbers of one feature.

    ``scene``: accuracy of a linear probe of the background; ``classes``: mean average precision of
    one linear probe per class, is an object of it in the frame; of each set of objects ``class``:
    accuracy of a linear probe fitted on other objects, and ``recall@1``: is the nearest image,
    views of less than 45° apart left out, of the same object. ``... chance`` beside each.
    """
    numbers: dict[str, float] = {}
    (fit, fit_labels), (test, test_labels) = (
        _features(features_of, data / f"scenes-{half}.parquet") for half in ("fit", "test")
    )
    scene = linear_probe(
        fit, fit_labels["scene"], test, test_labels["scene"], l2=_L2, iterations=_ITERATIONS
    )
    numbers |= {"scene": scene["accuracy"], "scene chance": scene["chance"]}
    names = [name for name in fit_labels if name.startswith("has ")]
    wanted = [np.stack([labels[name] for name in names], 1) for labels in (fit_labels, test_labels)]
    numbers["classes"], numbers["classes chance"] = presence(fit, wanted[0], test, wanted[1])
    for name in OBJECT_SETS:
        (fit, fit_labels), (test, test_labels) = (
            _features(features_of, data / f"{name}-{half}.parquet") for half in ("fit", "test")
        )
        known = linear_probe(
            fit, fit_labels["class"], test, test_labels["class"], l2=_L2, iterations=_ITERATIONS
        )
        numbers |= {f"{name} class": known["accuracy"], f"{name} class chance": known["chance"]}
        found = cross_view_retrieval(
            test,
            test_labels["instance"],
            test_labels["azimuth"],
            EvaluationConfig().min_gap,
            (1,),
            bootstrap=0,
        )
        numbers[f"{name} recall@1"] = found["recall@1"]
    return numbers


def presence(
    fit: np.ndarray, fit_has: np.ndarray, test: np.ndarray, test_has: np.ndarray
) -> tuple[float, float]:
    """Which classes a frame shows: a logistic regression per class.

    Args:
        fit, test: features [N, D] and [M, D].
        fit_has, test_has: bool [N, C] and [M, C].

    Returns:
        Mean over the classes of the average precision on the test rows, and of their shares, which
        is what a random order gives. Classes that all test rows or none show are left out.

    Raises:
        VidclError: there is no class that some but not all rows of each half show.
    """
    precisions, shares = [], []
    for column in range(fit_has.shape[1]):
        has, truth = fit_has[:, column], test_has[:, column]
        if has.all() or not has.any() or truth.all() or not truth.any():
            continue
        model = fit_logistic(fit, has, l2=_L2, iterations=_ITERATIONS)
        z = (test.astype(np.float64) - model.mean) / model.spread
        logits = z @ model.weights + model.bias
        precisions.append(average_precision(logits[:, 1] - logits[:, 0], truth))
        shares.append(truth.mean())
    if not precisions:
        raise VidclError("No class is in some scenes and not in others: ask of more scenes.")
    return float(np.mean(precisions)), float(np.mean(shares))


def average_precision(scores: np.ndarray, right: np.ndarray) -> float:
    """Mean, over the right rows, of the share of right ones among those that rank no lower.

    Args:
        scores: float [N], higher ranks first; of equal ones the first row.
        right: bool [N], at least one.
    """
    ranked = right[np.argsort(-scores, kind="stable")]
    places = np.flatnonzero(ranked) + 1
    return float((np.arange(1, len(places) + 1) / places).mean())


def _features(features_of: Features, path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    source = image_source(path)
    images = np.stack([source.image(row) for row in range(source.count)])
    return features_of(images), source.labels
