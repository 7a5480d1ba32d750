"""Rotation probe: can the quarter turn of an image be read off it (Gidaris et al. 2018)?"""

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from vidcl.datasets.labelled import LabelledSet
from vidcl.errors import VidclError
from vidcl.evaluation.images import labelled_image
from vidcl.evaluation.probes.entry import interval_over, probe_entry
from vidcl.evaluation.probes.linear import fit_logistic
from vidcl.evaluation.probes.regression import check_matrix
from vidcl.evaluation.probes.splits import held_out

TURNS = 4


def turned(image: np.ndarray, quarters: int) -> np.ndarray:
    """The central square of uint8 [H, W, 3], turned counter-clockwise by quarters.

    Square, since the sides of an upright image would tell the turn.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    return np.ascontiguousarray(np.rot90(square, quarters))


def rotated_set(data: LabelledSet) -> LabelledSet:
    """Every image in its four turns: row i becomes rows 4 i .. 4 i + 3, lossless.

    The label ``rotation`` holds 0 to 3 and ``image_number`` the row it came from; the other labels
    are repeated. An image is decoded, cut to its box and turned when it is asked for.
    """

    def read(index: int) -> bytes:
        image = labelled_image(data, index // TURNS)
        buffer = io.BytesIO()
        Image.fromarray(turned(image, index % TURNS)).save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    labels = {name: np.repeat(values, TURNS) for name, values in data.labels.items()}
    labels["rotation"] = np.tile(np.arange(TURNS), len(data))
    labels["image_number"] = np.repeat(np.arange(len(data)), TURNS)
    seen = data.stamp
    if seen is None:
        return LabelledSet(f"{data.name} rotated", labels, read, TURNS * len(data))

    def stamp(index: int) -> tuple[str | int, ...]:
        box = () if data.boxes is None else tuple(map(str, data.boxes[index // TURNS]))
        return (*seen(index // TURNS), *box, "turned", index % TURNS)

    return LabelledSet(f"{data.name} rotated", labels, read, TURNS * len(data), stamp=stamp)


def rotation_features(
    images: Sequence[np.ndarray], embed_images: Callable[[list[np.ndarray]], np.ndarray]
) -> np.ndarray:
    """Features [4 N, D] of images uint8 [H, W, 3] in their four turns, in ``rotated_set``'s order.

    Args:
        embed_images: gives [N, D] for a list of N square images; called once per turn.
    """
    parts = [embed_images([turned(image, k) for image in images]) for k in range(TURNS)]
    stacked = np.stack([np.asarray(part) for part in parts], axis=1)
    return stacked.reshape(TURNS * len(images), -1)


def rotation_probe(
    features: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    test_share: float = 0.3,
    l2: float = 1e-4,
    iterations: int = 500,
    bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Accuracy of telling 0, 90, 180 and 270 degrees by logistic regression.

    Args:
        features: [4 N, D], finite, in the order of ``rotated_set``.
        groups: [N], instances of the images; each image is one by default. All turns of all views
            of an instance are on one side.
        test_share: of the instances.
        l2, iterations: as for ``fit_logistic``.
        bootstrap: resamples of test instances for the interval; 0 for none.

    Returns:
        One entry ``rotation``, ``accuracy``; chance is 1/4.

    Raises:
        VidclError: shapes, values that are not finite, or fewer than two instances.
    """
    features = np.asarray(features)
    check_matrix(features, "features")
    if len(features) % TURNS:
        raise VidclError(f"{len(features)} rows are not four turns of every image: give all four.")
    count = len(features) // TURNS
    own = np.arange(count) if groups is None else np.asarray(groups)
    if own.shape != (count,):
        raise VidclError(f"There are {len(own)} instances for {count} images: give one per image.")
    aside = held_out(np.zeros(count), own, test_share, np.random.default_rng(seed))
    test = np.repeat(aside, TURNS)
    turn = np.tile(np.arange(TURNS), count)
    fit = fit_logistic(features[~test], turn[~test], l2=l2, iterations=iterations)
    hits = fit.predict(features[test]) == turn[test]
    return probe_entry(
        "rotation",
        "accuracy",
        hits.mean(),
        interval=interval_over(hits, np.repeat(own[aside], TURNS), bootstrap, seed),
        chance=1 / TURNS,
        settings={
            "degrees": [0, 90, 180, 270],
            "crop": "central square before turning",
            "model": "multinomial logistic regression on standardised features, L-BFGS",
            "l2": l2,
            "iterations": iterations,
            "converged": fit.converged,
            "test_share": test_share,
            "split": "by instance, all turns together",
            "train_images": int((~aside).sum()),
            "test_images": int(aside.sum()),
            "bootstrap": bootstrap,
            "seed": seed,
        },
    )
