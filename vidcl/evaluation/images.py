"""Images of a labelled set, a folder or an array, as uint8 arrays with their labels."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vidcl.datasets.labelled import LabelledSet, open_labelled_set
from vidcl.errors import VidclError

ImageData = LabelledSet | str | Path | np.ndarray


@dataclass(frozen=True)
class ImageSource:
    """``image(i)`` is uint8 [H, W, 3] RGB; images may differ in size."""

    name: str
    labels: dict[str, np.ndarray]
    count: int
    image: Callable[[int], np.ndarray]
    content_hash: Callable[[], str]


def image_source(data: ImageData) -> ImageSource:
    """Whatever the caller has, seen as one source of decoded images.

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
        return ImageSource("array", {}, len(array), lambda i: array[i], lambda: _array_hash(array))
    labelled = data if isinstance(data, LabelledSet) else open_labelled_set(data)
    return ImageSource(
        labelled.name,
        labelled.labels,
        len(labelled),
        lambda index: decode_image(labelled.read(index), _row_name(labelled, index)),
        labelled.content_hash,
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
