"""One image, or every image of a set, under a factor at a severity."""

import hashlib
import io
from typing import Literal

import numpy as np
from PIL import Image

from vidcl.datasets.labelled import LabelledSet
from vidcl.errors import VidclError
from vidcl.evaluation.factors import geometric, photometric
from vidcl.evaluation.factors.strengths import UNTOUCHED, step_of
from vidcl.evaluation.images import ImageData, image_source

#: What covers in the factor occlusion: the image's own mean grey, or another image of the set.
Occluder = Literal["grey", "image"]


def transform(
    image: np.ndarray, factor: str, severity: int, seed: int, *, other: np.ndarray | None = None
) -> np.ndarray:
    """The image under one factor.

    What chance decides depends on the seed, the factor and the image's own pixels, and not on the
    severity, its place in a set or what was transformed before.

    Args:
        image: uint8 [H, W, 3] of any size.
        factor: one of ``strengths.FACTORS``.
        severity: 0 (the image as it is) to 5; ``strengths.FACTORS`` says what each means.
        other: for occlusion, an image that covers instead of grey.

    Returns:
        uint8 [H, W, 3], a new array.

    Raises:
        VidclError: the image has another shape or type, or there is no such factor or severity.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise VidclError(f"Give an image as uint8 [H, W, 3], not {image.dtype} {image.shape}.")
    step = step_of(factor, severity or 1)
    if severity == UNTOUCHED:
        return image.copy()
    generator = drawn_for(image, factor, seed)
    match factor:
        case "occlusion":
            return geometric.occlusion(image, step[0], generator, other)
        case "crop":
            return geometric.crop(image, step[0], generator)
        case "rotation":
            return geometric.rotation(image, step[0], generator)
        case "scale":
            return geometric.scale(image, step[0])
        case "colour":
            return photometric.colour(image, step[0], step[1], step[2], generator)
        case "blur":
            return photometric.blur(image, step[0])
        case "noise":
            return photometric.noise(image, step[0], generator)
        case _:
            return photometric.jpeg(image, int(step[0]))


def drawn_for(image: np.ndarray, purpose: str, seed: int) -> np.random.Generator:
    """The chance of one image for one purpose: a generator of the seed and the pixels' hash."""
    digest = hashlib.sha256(f"{seed} {purpose} {image.shape}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return np.random.default_rng(np.frombuffer(digest.digest(), dtype=np.uint32))


def transformed_set(
    data: ImageData, factor: str, severity: int, seed: int = 0, *, occluder: Occluder = "grey"
) -> LabelledSet:
    """A set whose images are transformed when they are read; labels stay.

    Args:
        data: a labelled set, an image folder or uint8 [N, H, W, 3].
        occluder: with ``image``, each image is covered with another one of the set, drawn for it.

    Raises:
        VidclError: there are no images, no such factor or severity; or one image alone, which no
            other can cover.
    """
    step_of(factor, severity or 1)
    source = image_source(data)
    covers = factor == "occlusion" and occluder == "image"
    if covers and source.count < 2:
        raise VidclError("One image alone has no other to cover it: use the occluder grey.")

    def read(index: int) -> bytes:
        image = source.image(index)
        other = None
        if covers and severity != UNTOUCHED:
            place = int(drawn_for(image, "occluder", seed).integers(source.count - 1))
            other = source.image(place + (place >= index))
        return encoded(transform(image, factor, severity, seed, other=other))

    name = f"{source.name}, {factor} {severity}"
    return LabelledSet(name, source.labels, read, source.count)


def encoded(image: np.ndarray) -> bytes:
    """uint8 [H, W, 3] as PPM, which loses nothing and takes no time."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PPM")
    return buffer.getvalue()
