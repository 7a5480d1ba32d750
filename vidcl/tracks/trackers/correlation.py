"""Correlation filters of all regions of a frame in one batch (DSST's translation filter,
Danelljan et al. 2014, on fixed-size patches)."""

import numpy as np

from vidcl.tracks.boxes import centres_sizes, from_centres
from vidcl.tracks.patches import cut_patches

#: Side of the patch a filter sees, and how many times the box it covers.
SIDE = 32
COVER = 2.0
#: Width of the wanted response in patch pixels, regularisation, learning rate per frame.
SIGMA = 1.2
LAMBDA = 1e-2
RATE = 0.06
#: Peak-to-sidelobe ratio from which a response is believed, and fully believed.
PSR_LOW, PSR_HIGH = 3.5, 6.0
#: A correction is at most this share of the box.
MAX_SHIFT = 0.5


class CorrelationFilters:
    """One filter per region, in the order of the regions: numerators complex64
    [N, C, S, S // 2 + 1], denominators float32 [N, S, S // 2 + 1]."""

    def __init__(self) -> None:
        self._window = np.outer(np.hanning(SIDE), np.hanning(SIDE)).astype(np.float32)
        self._wanted = np.fft.rfft2(_gaussian()).astype(np.complex64)
        bins = SIDE // 2 + 1
        self._numerators: np.ndarray = np.zeros((0, CHANNELS, SIDE, bins), np.complex64)
        self._denominators: np.ndarray = np.zeros((0, SIDE, bins), np.float32)

    def add(self, picture: np.ndarray, boxes: np.ndarray) -> None:
        """Train filters for new regions on one frame."""
        numerators, denominators = self._train(picture, boxes)
        self._numerators = np.concatenate([self._numerators, numerators])
        self._denominators = np.concatenate([self._denominators, denominators])

    def keep(self, rows: np.ndarray) -> None:
        """Forget all regions but ``rows`` (indices)."""
        self._numerators = self._numerators[rows]
        self._denominators = self._denominators[rows]

    def shifts(self, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """How far predicted boxes float64 [N, 4] should still move, float64 [N, 2] in pixels: the
        place of the filter's peak times the belief in it."""
        places, ratio = peaks(self.respond(picture, boxes))
        _, sizes = centres_sizes(boxes)
        step = places / SIDE * COVER * sizes
        belief = np.clip((ratio - PSR_LOW) / (PSR_HIGH - PSR_LOW), 0.0, 1.0)
        near = (np.abs(step) < MAX_SHIFT * sizes).all(axis=1)
        return (belief * near)[:, None] * step

    def respond(self, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Responses float32 [N, S, S]; no shift is at [0, 0]."""
        spectra = self._spectra(picture, boxes)
        answer = (np.conj(self._numerators) * spectra).sum(axis=1) / (self._denominators + LAMBDA)
        return np.fft.irfft2(answer, s=(SIDE, SIDE)).astype(np.float32)

    def learn(self, picture: np.ndarray, boxes: np.ndarray) -> None:
        """Adapt all filters to where their regions were found."""
        numerators, denominators = self._train(picture, boxes)
        self._numerators *= 1 - RATE
        self._numerators += RATE * numerators
        self._denominators *= 1 - RATE
        self._denominators += RATE * denominators

    def _train(self, picture: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        spectra = self._spectra(picture, boxes)
        energy = (spectra.real**2 + spectra.imag**2).sum(axis=1)
        return np.conj(self._wanted) * spectra, energy

    def _spectra(self, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        centres, sizes = centres_sizes(boxes)
        patches = cut_patches(picture, from_centres(centres, sizes * COVER), SIDE)
        windowed = features(patches)
        windowed *= self._window
        return np.fft.rfft2(windowed).astype(np.complex64, copy=False)


#: Grey, two gradients, two colour differences.
CHANNELS = 5


def features(patches: np.ndarray) -> np.ndarray:
    """Channels of uint8 [N, S, S, 3], each of zero mean and unit variance over the patch and
    scaled so that a pixel's channels have unit energy on average: float32 [N, 5, S, S]."""
    count, side = len(patches), patches.shape[1]
    colours = patches.astype(np.float32)
    red, green, blue = colours[..., 0], colours[..., 1], colours[..., 2]
    out = np.zeros((count, CHANNELS, side, side), np.float32)
    grey = (red + green + blue) / 3
    out[:, 0] = grey
    out[:, 1, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    out[:, 2, 1:-1, :] = grey[:, 2:, :] - grey[:, :-2, :]
    out[:, 3] = red - green
    out[:, 4] = (red + green) / 2 - blue
    out -= out.mean(axis=(2, 3), keepdims=True)
    out /= out.std(axis=(2, 3), keepdims=True) + 4.0
    out /= CHANNELS**0.5 * side
    return out


def peaks(responses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place of the largest response as shifts float64 [N, 2] (x, y; to a fraction of a pixel) and
    peak-to-sidelobe ratio float64 [N]."""
    count, side = len(responses), responses.shape[1]
    flat = responses.reshape(count, side * side)
    best = flat.argmax(axis=1)
    rows, columns = np.divmod(best, side)
    index = np.arange(count)
    height = responses[index, rows, columns]

    def refine(before: np.ndarray, after: np.ndarray) -> np.ndarray:
        bend = before - 2 * height + after
        return np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-12), 0.0)

    dx = refine(
        responses[index, rows, (columns - 1) % side], responses[index, rows, (columns + 1) % side]
    )
    dy = refine(
        responses[index, (rows - 1) % side, columns], responses[index, (rows + 1) % side, columns]
    )
    wrap_x = (columns + side // 2) % side - side // 2
    wrap_y = (rows + side // 2) % side - side // 2
    ratio = (height - flat.mean(axis=1)) / (flat.std(axis=1) + 1e-9)
    return np.stack([wrap_x + dx, wrap_y + dy], axis=1).astype(np.float64), ratio.astype(float)


def _gaussian() -> np.ndarray:
    ticks = (np.arange(SIDE) + SIDE // 2) % SIDE - SIDE // 2
    squares = ticks[:, None] ** 2 + ticks[None, :] ** 2
    return np.exp(-0.5 * squares / SIGMA**2).astype(np.float32)
