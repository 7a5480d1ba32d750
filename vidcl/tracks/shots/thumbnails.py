"""Thumbnails of frames, and how unlike two of them are."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

_WIDTH, _HEIGHT = 48, 27
_OUTLINE = (16, 9)
#: Side of the blocks that are looked for in another thumbnail, and how far, in x and y.
_BLOCK = 8
_SEARCH = (10, 6)
#: Standard deviation, in grey levels, that coding and sampling alone give a thumbnail.
_NOISE = 1.0
#: A thumbnail of less contrast (standard deviation of its grey levels) shows nothing.
_BLANK = 4.0
#: Standard deviation of the grey levels in a picture whose contrast is evened.
_EVEN = 40.0


@dataclass(frozen=True)
class Thumbnail:
    """A frame at 48 x 27, whatever its size.

    Attributes:
        colour: uint8 [27, 48, 3].
        grey: uint8 [27, 48].
        levels: float32 [1296], ``grey`` less its mean.
        energy: sum of the squares of ``levels``.
    """

    colour: np.ndarray
    grey: np.ndarray
    levels: np.ndarray
    energy: float

    @property
    def contrast(self) -> float:
        """Standard deviation of the grey levels."""
        return (self.energy / self.levels.size) ** 0.5

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to see: black, white, or any one grey."""
        return self.contrast < _BLANK

    @cached_property
    def outline(self) -> np.ndarray:
        """The grey levels at 16 x 9 with brightness and contrast evened, float32 [144]: mean 0,
        length 1."""
        small = cv2.resize(self.grey, _OUTLINE, interpolation=cv2.INTER_AREA)
        levels = small.astype(np.float32).ravel()
        levels -= levels.mean()
        return levels / max(float(np.linalg.norm(levels)), _NOISE)

    @cached_property
    def histogram(self) -> np.ndarray:
        """``colour_histogram`` with brightness and contrast evened, so that fades change little."""
        gain = _EVEN / max(self.contrast, _NOISE)
        evened = (np.arange(256) - self.grey.mean()) * gain + 127.5
        return colour_histogram(cv2.LUT(self.colour, np.clip(evened, 0, 255).astype(np.uint8)))

    @cached_property
    def contrasts(self) -> list[float]:
        """Standard deviation of every block, grey levels, in the order of ``_BLOCKS``, less that of
        noise."""
        blocks = np.stack([self.grey[area] for area, _ in _BLOCKS])
        deviations = blocks.reshape(len(_BLOCKS), -1).astype(np.float32).std(axis=1)
        return (deviations - _NOISE).tolist()


def thumbnail(image: np.ndarray) -> Thumbnail:
    """The thumbnail of a frame, uint8 [H, W, 3] of any size.

    Sixteen samples per pixel of the thumbnail, not all: the mean over a whole 480p frame would
    take ten times as long.
    """
    samples = cv2.resize(image, (4 * _WIDTH, 4 * _HEIGHT), interpolation=cv2.INTER_LINEAR)
    colour = cv2.resize(samples, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
    levels = grey.astype(np.float32).ravel()
    levels -= levels.mean()
    return Thumbnail(colour, grey, levels, float(levels @ levels))


def agreement(first: Thumbnail, second: Thumbnail) -> float:
    """Correlation of the grey levels, in [-1, 1]; near 0 where there is only noise."""
    noise = _NOISE**2 * first.levels.size
    scale = ((first.energy + noise) * (second.energy + noise)) ** 0.5
    return float(first.levels @ second.levels) / scale


def change(first: Thumbnail, second: Thumbnail) -> float:
    """How unlike two pictures are, in [0, 2]: the change of structure plus that of colours.

    Pictures of different scenes reach 0.7 on average, 0.5 at least; frames in turn 0.4 at most.
    """
    return structure_change(first, second) + hellinger(first.histogram, second.histogram)


def structure_change(first: Thumbnail, second: Thumbnail) -> float:
    """Share of the structure of either thumbnail that the other has not, in [0, 1].

    Every block is looked for in the other thumbnail, around its own place, by normalised
    correlation; what is missing of a perfect match counts by the block's contrast. So neither
    motion up to a fifth of the picture nor a change of brightness or contrast is a change.
    """
    total = lost = 0.0
    for here, there in ((first, second), (second, first)):
        for (block, around), contrast in zip(_BLOCKS, here.contrasts, strict=True):
            if contrast <= 0:
                continue
            found = cv2.matchTemplate(there.grey[around], here.grey[block], cv2.TM_CCOEFF_NORMED)
            total += contrast
            lost += contrast * (1.0 - min(max(cv2.minMaxLoc(found)[1], 0.0), 1.0))
    return lost / total if total > 0 else 0.0


def detour(pictures: Sequence[Thumbnail]) -> float:
    """How far the pictures in between lie off the straight line from the first to the last, as a
    share of its length: the mean of the squares over those in between, 0 where there is none.

    It is 0 for a dissolve of two stills, whatever its course; about 0.25 to 0.75 where one picture
    becomes another by motion. Taken of the outlines, which forgive some motion in a dissolve.

    Args:
        pictures: two or more.
    """
    if len(pictures) == 2:
        return 0.0
    points = np.stack([picture.outline for picture in pictures])
    steps = points[1:] - points[0]
    line = steps[-1]
    length = float(line @ line)
    if length == 0:
        return 0.0
    between = steps[:-1]
    along = between @ line / length
    squares = np.einsum("np,np->n", between, between) / length
    return float((squares - along**2).mean())


def colour_histogram(image: np.ndarray) -> np.ndarray:
    """Joint RGB histogram of uint8 [H, W, 3] with 6 bins per channel, float32 [216], sum 1,
    smoothed so that a small change of brightness moves little of it."""
    counts = cv2.calcHist([image], [0, 1, 2], None, [6, 6, 6], [0, 256, 0, 256, 0, 256])
    for axis in range(3):
        shape = np.moveaxis(counts, axis, 0)
        smooth = 0.5 * shape
        smooth[1:] += 0.25 * shape[:-1]
        smooth[:-1] += 0.25 * shape[1:]
        counts = np.moveaxis(smooth, 0, axis)
    return (counts / counts.sum()).ravel()


def hellinger(first: np.ndarray, second: np.ndarray) -> float:
    """Hellinger distance of two histograms of sum 1, in [0, 1]."""
    return float(np.sqrt(max(0.0, 1.0 - np.sqrt(first * second).sum())))


_Area = tuple[slice, slice]


def _blocks() -> list[tuple[_Area, _Area]]:
    """Every block, and where it is looked for; those of a side overlap where it is no multiple."""
    ys = np.linspace(0, _HEIGHT - _BLOCK, -(-_HEIGHT // _BLOCK)).round().astype(int).tolist()
    xs = np.linspace(0, _WIDTH - _BLOCK, -(-_WIDTH // _BLOCK)).round().astype(int).tolist()
    return [
        (
            (slice(y, y + _BLOCK), slice(x, x + _BLOCK)),
            (
                slice(max(0, y - _SEARCH[1]), y + _BLOCK + _SEARCH[1]),
                slice(max(0, x - _SEARCH[0]), x + _BLOCK + _SEARCH[0]),
            ),
        )
        for y, x in itertools.product(ys, xs)
    ]


_BLOCKS = _blocks()
