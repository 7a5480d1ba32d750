"""Cut a box out of a picture, square it, and pack it as JPEG."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from vidcl.config import Config
from vidcl.errors import VidclError


class CropConfig(Config):
    """How crops are cut and stored."""

    canvas: int = 160
    """Side of the square that every crop is resized to, in pixels."""
    margin: float = 1.15
    """The crop is the box times this, about the box's centre."""
    shape: Literal["box", "square"] = "square"
    """square: as wide and high as the box's longer side, so that a view of undistorted shape can
    show the whole of a long thing, as a labelled image of it does; box: the box alone."""
    quality: int = 90
    """JPEG quality, 1 to 100."""


@dataclass(frozen=True)
class Crop:
    """One packed crop.

    Attributes:
        jpeg: the crop as a JPEG file, canvas x canvas.
        crop_box: float32 [4], xyxy, the whole-pixel box that was cut, possibly outside the picture.
        width, height: of ``crop_box`` in pixels, before squaring.
    """

    jpeg: bytes
    crop_box: np.ndarray
    width: int
    height: int


class Cropper:
    """``crop = Cropper(config)(image, box)``; see ``Crop``."""

    def __init__(self, config: CropConfig) -> None:
        self.config = config

    def __call__(self, image: np.ndarray, box: np.ndarray) -> Crop:
        """Cut one box.

        Args:
            image: uint8 [H, W, 3], RGB.
            box: [4], xyxy in pixels, overlapping the picture. A box that is the whole picture is
                cut without margin: there is nothing to show around it.

        Raises:
            ValueError: the box has no area or lies outside the picture.
        """
        height, width = image.shape[:2]
        x0, y0, x1, y1 = (float(value) for value in box)
        if not (x1 > x0 and y1 > y0 and x1 > 0 and y1 > 0 and x0 < width and y0 < height):
            raise ValueError(f"box {(x0, y0, x1, y1)} does not overlap a {width}x{height} picture")
        whole = x0 <= 0 and y0 <= 0 and x1 >= width and y1 >= height
        cut = (0, 0, width, height) if whole else self._around((x0, y0, x1, y1))
        square = resize_area(cut_replicated(image, cut), self.config.canvas)
        return Crop(
            jpeg=encode_jpeg(square, self.config.quality),
            crop_box=np.array(cut, dtype=np.float32),
            width=cut[2] - cut[0],
            height=cut[3] - cut[1],
        )

    def _around(self, box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
        if self.config.shape == "square":
            box = enclosing_square(box)
        return widen(box, self.config.margin)


def enclosing_square(
    box: tuple[float, float, float, float],
) -> tuple[float, float, float, float]:
    """The square about the box's centre with its longer side."""
    x0, y0, x1, y1 = box
    half = max(x1 - x0, y1 - y0) / 2
    centre_x, centre_y = (x0 + x1) / 2, (y0 + y1) / 2
    return centre_x - half, centre_y - half, centre_x + half, centre_y + half


def widen(box: tuple[float, float, float, float], margin: float) -> tuple[int, int, int, int]:
    """The box times ``margin`` about its centre, on whole pixels, at least one pixel wide."""
    x0, y0, x1, y1 = box
    half_w, half_h = (x1 - x0) * margin / 2, (y1 - y0) * margin / 2
    centre_x, centre_y = (x0 + x1) / 2, (y0 + y1) / 2
    left, top = round(centre_x - half_w), round(centre_y - half_h)
    right, bottom = round(centre_x + half_w), round(centre_y + half_h)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def cut_replicated(image: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """The pixels of a box, uint8 [h, w, 3]; outside the picture its nearest edge is repeated."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = box
    # at least one row and column of the picture, for a box that rounding pushed off its border
    inner_x0, inner_y0 = min(max(x0, 0), width - 1), min(max(y0, 0), height - 1)
    inner_x1, inner_y1 = max(min(x1, width), inner_x0 + 1), max(min(y1, height), inner_y0 + 1)
    inner = image[inner_y0:inner_y1, inner_x0:inner_x1]
    left, top = max(-x0, 0), max(-y0, 0)
    right, bottom = max(x1 - width, 0), max(y1 - height, 0)
    if not (left or top or right or bottom):
        return inner
    padded = cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return padded[: y1 - y0, : x1 - x0]


def resize_area(image: np.ndarray, side: int) -> np.ndarray:
    """Resize uint8 [h, w, 3] to [side, side, 3]: area average where it shrinks, else bilinear."""
    height, width = image.shape[:2]
    # cv2's area mode turns into nearest-like copying when enlarging, so each axis gets its own
    if width > side or height > side:
        image = _area_means(image, min(width, side), min(height, side))
    if image.shape[:2] != (side, side):
        image = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)
    return image


def _area_means(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """``cv2.resize`` in area mode to a size not larger than uint8 [h, w, 3] has."""
    if not (image.shape[1] % width or image.shape[0] % height):
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    # for factors that are not whole OpenCV is slower on bytes than on floats; the results agree
    floats = image.astype(np.float32)
    return cv2.convertScaleAbs(cv2.resize(floats, (width, height), interpolation=cv2.INTER_AREA))


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """uint8 [H, W, 3] RGB as a baseline JPEG file."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise VidclError(f"OpenCV could not encode a {image.shape} picture as JPEG.")
    return data.tobytes()
