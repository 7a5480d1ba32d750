"""The labelled sets that encoders are asked about: decoded once, in colour and in grey."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vidcl.datasets.labelled import LabelledSet
from vidcl.datasets.registry import PART, named_dataset
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source
from vidcl.evaluation.retrieval.cross_view import Views

#: Luma of ITU-R BT.601.
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class TestSet:
    """Images of things from known directions.

    Attributes:
        images: uint8 [N, H, W, 3] RGB.
        classes: [N], its category, or None where the set knows none with two things in it.
        views: the thing shown, and from where: azimuths and, where the set has them, polar angles.
    """

    images: np.ndarray
    classes: np.ndarray | None
    views: Views

    __test__ = False  # no test of pytest's


def open_tests(words: Sequence[str]) -> dict[str, TestSet]:
    """The sets by name; of each that has colour also ``NAME grey``, its luma three times.

    Args:
        words: ``NAME:PATH`` or ``NAME=KIND:PATH`` as ``vidcl.datasets.registry`` reads them. The
            ``-part`` of ``eth80-part:DIR`` is no part of the name.

    Raises:
        VidclError: a set is missing or incomplete, has no column ``instance`` or ``azimuth``, or
            its images differ in size; none is given; two have one name.
    """
    tests: dict[str, TestSet] = {}
    for word in words:
        name, data = named_dataset(word)
        name = name.removesuffix(PART)
        if name in tests:
            raise VidclError(f"Two test sets are named {name}: give every set once.")
        tests[name] = opened = _opened(word, data)
        grey = as_grey(opened.images)
        if not np.array_equal(grey, opened.images):
            tests[f"{name} grey"] = replace(opened, images=grey)
    if not tests:
        raise VidclError("Give at least one set to test on: --tests eth80:DIR coil20:FILE.")
    return tests


def _opened(word: str, data: LabelledSet) -> TestSet:
    for column in ("instance", "azimuth"):
        if column not in data.labels:
            have = ", ".join(data.labels) or "none"
            raise VidclError(f"{word} has no label column '{column}' (columns: {have}).")
    source = image_source(data)
    images = [source.image(index) for index in range(source.count)]
    if len({image.shape for image in images}) > 1:
        raise VidclError(f"The images of {word} differ in size: make them all of one size.")
    azimuth = data.labels["azimuth"].astype(float)
    polar = data.labels["polar"].astype(float) if "polar" in data.labels else None
    instances, classes = data.labels["instance"], data.labels.get("class")
    if classes is not None and len(np.unique(classes)) == len(np.unique(instances)):
        classes = None  # every thing is a class of its own
    return TestSet(np.stack(images), classes, Views(instances, azimuth, True, 0.0, polar))


def as_grey(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, 3] -> the same shape, all three channels the image's luma; what is grey
    already stays as it is to the bit."""
    luma = np.rint(images @ np.asarray(LUMA, np.float32)).astype(np.uint8)
    return np.repeat(luma[..., None], 3, axis=3)
