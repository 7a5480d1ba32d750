"""Views of objects in one ``.npz`` file: ``images``, ``object_id`` and ``angle_deg``."""

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from vidcl.datasets.labelled_set import LabelledSet, file_stamp
from vidcl.errors import VidclError

ARRAYS = ("images", "object_id", "angle_deg")


def open_npz(path: str | Path) -> LabelledSet:
    """The views in a file of arrays; nothing in it is unpickled.

    ``images`` is uint8 [N, H, W] or [N, H, W, 3], ``object_id`` whole numbers [N], ``angle_deg``
    degrees [N]. All images are held in memory.

    Returns:
        Labels ``instance`` and ``class`` (both the object's number as text) and ``azimuth``
        (degrees). ``read`` gives PNM bytes, which are the same with every version of a library.

    Raises:
        VidclError: it is no such file.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise VidclError(f"There is no file {path}: give an .npz with {', '.join(ARRAYS)}.")
    stamp = file_stamp(path)
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise VidclError(f"{path} holds one array: give an .npz with {', '.join(ARRAYS)}.")
        with loaded as stored:
            missing = [name for name in ARRAYS if name not in stored.files]
            if missing:
                raise VidclError(
                    f"{path} has no array {', '.join(missing)}: give an .npz with "
                    f"{', '.join(ARRAYS)}."
                )
            images, objects, angles = (stored[name] for name in ARRAYS)
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise VidclError(f"Cannot read {path} ({error}): copy or download it again.") from error
    _check(path, images, objects, angles)
    names = np.asarray([str(int(number)) for number in objects], dtype=str)
    labels = {"instance": names, "class": names, "azimuth": angles.astype(np.float64)}
    return LabelledSet(
        path.stem,
        labels,
        lambda index: _pnm(images[index]),
        len(images),
        stamp=lambda index: (*stamp, index),
    )


def _check(path: Path, images: np.ndarray, objects: np.ndarray, angles: np.ndarray) -> None:
    grey_or_rgb = images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)
    if images.dtype != np.uint8 or not grey_or_rgb or not images.size:
        raise VidclError(
            f"The images of {path} must be uint8 [N, H, W] or [N, H, W, 3], not {images.dtype} "
            f"{list(images.shape)}."
        )
    if objects.shape != (len(images),) or not np.issubdtype(objects.dtype, np.integer):
        raise VidclError(
            f"object_id of {path} must be one whole number per image, not {objects.dtype} "
            f"{list(objects.shape)}."
        )
    fits = angles.shape == (len(images),) and np.issubdtype(angles.dtype, np.number)
    if not fits or np.iscomplexobj(angles) or not np.isfinite(angles).all():
        raise VidclError(
            f"angle_deg of {path} must be one finite number per image, not {angles.dtype} "
            f"{list(angles.shape)}."
        )


def _pnm(image: np.ndarray) -> bytes:
    height, width = image.shape[:2]
    return b"P%d %d %d 255\n" % (6 if image.ndim == 3 else 5, width, height) + image.tobytes()
