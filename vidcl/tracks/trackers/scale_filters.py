"""Scale filters of all regions of a frame in one batch: correlation along the logarithm of the
distance from the middle."""

import cv2
import numpy as np

from vidcl.tracks.boxes import centres_sizes

#: Rings and rays of a sample.
RINGS = 24
RAYS = 24
#: Radius of the first and the last ring, and how many times the box the unit circle covers.
INNER, OUTER = 0.12, 0.95
COVER = 1.75
#: Width of the wanted response in rings, regularisation, learning rate per frame.
SIGMA = 1.2
LAMBDA = 1e-2
RATE = 0.08
#: A sample is taken from that halving of the picture on which it is about so many pixels wide.
SAMPLED_SIDE = 48
#: Halvings of the picture, the picture itself included.
LEVELS = 4
#: Growth of the radius from ring to ring, as a logarithm.
RING_STEP = float(np.log(OUTER / INNER) / (RINGS - 1))


class ScaleFilters:
    """One filter per region, in the order of the regions.

    As in DSST (Danelljan et al. 2014) a one-dimensional filter is trained to answer with a narrow
    peak at the region's present scale. The region is not resized to every scale for it, though:
    on a log-polar grid about its middle a change of scale is a shift along the rings (as in LDES,
    Li et al. 2019), so one sample and one transform search all scales.

    The filters: numerators complex64 [N, R // 2 + 1, D], denominators float32 [N, R // 2 + 1],
    with D features (two gradients on every ray).
    """

    def __init__(self) -> None:
        radii = INNER * np.exp(RING_STEP * np.arange(RINGS))
        angles = 2 * np.pi * np.arange(RAYS) / RAYS
        rays = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        self._grid = radii[:, None, None] * rays * (COVER / 2)  # [R, A, 2], in box sides
        self._window = np.hanning(RINGS + 2)[1:-1].astype(np.float32)[:, None]
        ticks = (np.arange(RINGS) + RINGS // 2) % RINGS - RINGS // 2
        wanted = np.exp(-0.5 * (ticks / SIGMA) ** 2)
        self._wanted = np.fft.rfft(wanted).astype(np.complex64)[:, None]
        bins = RINGS // 2 + 1
        self._numerators: np.ndarray = np.zeros((0, bins, 2 * RAYS), np.complex64)
        self._denominators: np.ndarray = np.zeros((0, bins), np.float32)

    def add(self, grey: np.ndarray, boxes: np.ndarray) -> None:
        """Train filters for new regions on one frame: uint8 [H, W], float64 [N, 4]."""
        numerators, denominators = self._train(grey, boxes)
        self._numerators = np.concatenate([self._numerators, numerators])
        self._denominators = np.concatenate([self._denominators, denominators])

    def keep(self, rows: np.ndarray) -> None:
        """Forget all regions but ``rows`` (indices)."""
        self._numerators = self._numerators[rows]
        self._denominators = self._denominators[rows]

    def scales(self, grey: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many times larger each region is than its box.

        Args:
            grey: uint8 [H, W].
            boxes: float64 [N, 4], already at the right place.

        Returns:
            scales float64 [N] > 0; peak-to-sidelobe ratios float64 [N] of the responses.
        """
        responses = self.respond(grey, boxes)
        index, best = np.arange(len(boxes)), responses.argmax(axis=1)
        before, after = responses[index, best - 1], responses[index, (best + 1) % RINGS]
        height = responses[index, best]
        bend = before - 2 * height + after
        between = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-12), 0.0)
        rings = (best + RINGS // 2) % RINGS - RINGS // 2 + between
        ratios = (height - responses.mean(axis=1)) / (responses.std(axis=1) + 1e-9)
        return np.exp(RING_STEP * rings.astype(np.float64)), ratios.astype(np.float64)

    def respond(self, grey: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Responses float32 [N, R]; no change of scale is at 0, one ring larger at 1."""
        spectra = self._spectra(grey, boxes)
        answer = (np.conj(self._numerators) * spectra).sum(axis=2) / (self._denominators + LAMBDA)
        return np.fft.irfft(answer, n=RINGS, axis=1).astype(np.float32)

    def learn(self, grey: np.ndarray, boxes: np.ndarray) -> None:
        """Adapt all filters to the size their regions were found to have."""
        numerators, denominators = self._train(grey, boxes)
        self._numerators = (1 - RATE) * self._numerators + RATE * numerators
        self._denominators = (1 - RATE) * self._denominators + RATE * denominators

    def _train(self, grey: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        spectra = self._spectra(grey, boxes)
        energy = (spectra.real**2 + spectra.imag**2).sum(axis=2)
        return np.conj(self._wanted) * spectra, energy

    def _spectra(self, grey: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        values = self._sample(grey, boxes)
        gradients = np.zeros((len(boxes), RINGS, 2, RAYS), np.float32)
        gradients[:, 1:-1, 0] = values[:, 2:] - values[:, :-2]
        gradients[:, :, 1] = np.roll(values, -1, axis=2) - np.roll(values, 1, axis=2)
        rows = gradients.reshape(len(boxes), RINGS, 2 * RAYS) * self._window
        norms = np.sqrt((rows**2).sum(axis=(1, 2), keepdims=True))
        # a box on nothing but one grey has no gradients, and then no answer
        return np.fft.rfft(rows / np.maximum(norms, 1e-3), axis=1).astype(np.complex64)

    def _sample(self, grey: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """The picture on the grids of all boxes, edges replicated, float32 [N, R, A]."""
        centres, sizes = centres_sizes(boxes)
        points = centres[:, None, None] + self._grid * sizes[:, None, None] - 0.5
        halvings = np.log2(np.maximum(COVER * sizes.max(axis=1) / SAMPLED_SIDE, 1.0))
        levels = np.minimum(np.round(halvings), LEVELS - 1).astype(int)
        out = np.empty((len(boxes), RINGS, RAYS), np.float32)
        level: np.ndarray = grey.astype(np.float32)
        for k in range(LEVELS):
            rows = np.flatnonzero(levels == k)
            if len(rows):
                where = (points[rows] / 2**k).astype(np.float32).reshape(-1, RAYS, 2)
                values = cv2.remap(
                    level,
                    where[..., 0],
                    where[..., 1],
                    cv2.INTER_LINEAR,
                    borderMode=cv2.BORDER_REPLICATE,
                )
                out[rows] = values.reshape(-1, RINGS, RAYS)
            if not (levels > k).any():
                break
            level = cv2.pyrDown(level)
        return out
