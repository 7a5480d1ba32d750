"""A folder of pictures as the frames of a clip."""

import re
from collections.abc import Iterator
from pathlib import Path

import cv2

from vidcl.errors import VidclError
from vidcl.video.frames import Frame

#: Frames per second of a folder of pictures, which says nothing about it.
PICTURE_RATE = 25.0
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


def is_picture(path: Path) -> bool:
    """Whether a file is one by its name."""
    return path.suffix.lower() in _SUFFIXES


def read_pictures(folder: Path, rate: float = PICTURE_RATE) -> Iterator[Frame]:
    """The pictures of a folder in the order of the numbers in their names, frame k at k / rate
    seconds.

    Raises:
        VidclError: a file is not a picture.
    """
    files = sorted((p for p in folder.iterdir() if is_picture(p)), key=_natural)
    for index, path in enumerate(files):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise VidclError(f"{path} is not a picture; remove or replace it.")
        yield Frame(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), index / rate)


def _natural(path: Path) -> list[str | int]:
    """``frame10`` after ``frame9``."""
    return [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", path.name)]
