"""Images of a labelled set, a folder or an array, as uint8 arrays with their labels."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vidcl.datasets.labelled_set import LabelledSet
from vidcl.datasets.registry import open_dataset
from vidcl.errors import VidclError

ImageData = LabelledSet | str | Path | np.ndarray


@dataclass(frozen=True)
class ImageSource:
    """``image(i)`` is uint8 [H, W, 3] RGB; images may differ in size.

    ``content_hash()`` reads everything and can be cited; ``fingerprint()`` is as cheap as the data
    allow and can be the key of a cache (see ``LabelledSet.fingerprint``).
    """

    name: str
    labels: dict[str, np.ndarray]
    count: int
    image: Callable[[int], np.ndarray]
    content_hash: Callable[[], str]
    fingerprint: Callable[[], str]


def image_source(data: ImageData) -> ImageSource:
    """Whatever the caller has, seen as one source of decoded images.

    A path may be ``KIND:PATH`` (see ``vidcl.datasets.registry.open_dataset``).

    Raises:
        VidclError: the path holds no images, or the array is not uint8 [N, H, W, 3].
    """
    if isinstance(data, np.ndarray):
        if data.ndim != 4 or data.shape[3] != 3 or data.dtype != np.uint8:
            raise VidclError(
                f"Give images as uint8 [N, H, W, 3], not {data.dtype} {list(data.shape)}."
            )
        if len(data) == 0:
            raise VidclError("There are no images in the array: give at least one.")
        array = data
        return ImageSource(
            "array",
            {},
            len(array),
            lambda i: array[i],
            lambda: _array_hash(array),
            lambda: _array_hash(array),
        )
    labelled = data if isinstance(data, LabelledSet) else open_dataset(str(data))
    return ImageSource(
        labelled.name,
        labelled.labels,
        len(labelled),
        lambda index: labelled_image(labelled, index),
        labelled.content_hash,
        labelled.fingerprint,
    )


def labelled_image(labelled: LabelledSet, index: int) -> np.ndarray:
    """Image ``index`` of a set, uint8 [H, W, 3] RGB: cropped to its box where the set has boxes.

    Raises:
        VidclError: naming the image that cannot be read or whose box is empty.
    """
    name = _row_name(labelled, index)
    image = decode_image(labelled.read(index), name)
    return image if labelled.boxes is None else crop_to_box(image, labelled.boxes[index], name)


def crop_to_box(image: np.ndarray, box: np.ndarray, name: str) -> np.ndarray:
    """The part of an image [H, W, ...] inside a box, rounded outwards to whole pixels.

    Args:
        box: float [4], left, top, right, bottom in pixels; what lies outside the image is cut off.
        name: how an error names the image.

    Returns:
        A view on ``image``, at least one pixel high and wide.

    Raises:
        VidclError: the box is not finite, or nothing of the image lies in it.
    """
    height, width = image.shape[:2]
    if np.isfinite(box).all() and box[0] < box[2] and box[1] < box[3]:
        left, top = np.maximum(np.floor(box[:2]), 0).astype(int)
        right, bottom = np.minimum(np.ceil(box[2:]), (width, height)).astype(int)
        if left < right and top < bottom:
            return image[top:bottom, left:right]
    words = ", ".join(f"{value:g}" for value in box)
    raise VidclError(
        f"The box ({words}) of the image {name}, {width} x {height}, is empty: correct it or leave "
        f"the row out."
    )


def decode_image(data: bytes, name: str) -> np.ndarray:
    """Encoded bytes to uint8 [H, W, 3] RGB.

    An unreadable image is an error and is not skipped: two encoders measured on different subsets
    of a set could not be compared.

    Raises:
        VidclError: naming the image.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))
    # Pillow reports damage as OSError, SyntaxError (PNG chunks), ValueError or a bomb error.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise VidclError(f"Cannot read the image {name} ({error}): repair or remove it.") from error


def _row_name(labelled: LabelledSet, index: int) -> str:
    if "path" in labelled.labels:
        return f"{labelled.labels['path'][index]} of {labelled.name}"
    return f"in row {index} of {labelled.name}"


def _array_hash(images: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()
