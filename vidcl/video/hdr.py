"""High dynamic range and wide gamut to the BT.709 pictures that everything else here is.

Transfer functions: ITU-R BT.2100-2 (PQ is SMPTE ST 2084, HLG is ARIB STD-B67), BT.1886. Tone
mapping: the EETF of Report ITU-R BT.2390-10, section 5.4.1, from 1,000 cd/m2 (the nominal peak of
BT.2408) to 203 cd/m2, which BT.2408 calls HDR reference white and which is full BT.709 white here.
"""

from typing import Literal

import numpy as np

#: What a picture comes from: PQ, HLG, or standard range with other primaries.
Source = Literal["pq", "hlg", "wide"]

#: PQ constants of SMPTE ST 2084.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32

#: HLG constants of ARIB STD-B67.
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073

#: cd/m2: the peak of the source (that of a display for HLG too) and the white of the result. One
#: pair for all files: half of them lack the metadata that would tell, and a set of pictures must
#: not take its greys from it.
PEAK = 1000.0
WHITE = 203.0

#: System gamma of HLG at a peak of 1,000 cd/m2 (BT.2100).
_HLG_GAMMA = 1.2

#: Display gamma of BT.1886, with a black of zero.
_GAMMA = 2.4

#: Luminance of BT.2020's primaries.
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])

#: Linear light of other primaries to BT.709's (white D65 all): BT.2087 for BT.2020.
_TO_709 = {
    "bt2020": [
        [1.660491, -0.587641, -0.072850],
        [-0.124550, 1.132900, -0.008349],
        [-0.018151, -0.100579, 1.118730],
    ],
    "smpte432": [
        [1.224940, -0.224940, 0.0],
        [-0.042057, 1.042057, 0.0],
        [-0.019638, -0.078636, 1.098274],
    ],
    "bt709": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
}

#: Entries of the tables of the gain and of the final gamma. The last one's first step is less than
#: one level.
_GAINS = 1 << 16
_GAMMAS = 1 << 20

#: Rows that are mapped at a time: the work then stays in the processor's cache.
_ROWS = 32


def pq_to_light(code: np.ndarray) -> np.ndarray:
    """EOTF of PQ: code values in [0, 1] to cd/m2 in [0, 10000]."""
    power = np.maximum(code, 0.0) ** (1 / _M2)
    ratio = np.maximum(power - _C1, 0.0) / (_C2 - _C3 * power)
    return 10_000.0 * ratio ** (1 / _M1)


def light_to_pq(light: np.ndarray) -> np.ndarray:
    """Inverse EOTF of PQ: cd/m2 to code values."""
    power = (np.maximum(light, 0.0) / 10_000.0) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def hlg_to_scene(code: np.ndarray) -> np.ndarray:
    """Inverse OETF of HLG: code values in [0, 1] to scene light in [0, 1]."""
    low = code**2 / 3
    high = (np.exp((np.maximum(code, 0.5) - _C) / _A) + _B) / 12
    return np.where(code <= 0.5, low, high)


def eetf(light: np.ndarray, peak: float = PEAK, white: float = WHITE) -> np.ndarray:
    """Tone curve of BT.2390: below a knee as it is, above it bent so that ``peak`` meets ``white``.

    Args:
        light: cd/m2, any shape; more than ``peak`` counts as ``peak``.
        peak: cd/m2 of the source's brightest light.
        white: cd/m2 of the target's.

    Returns:
        cd/m2 in [0, ``white``], not decreasing in ``light``. Black stays black (no lift).
    """
    top = float(light_to_pq(np.asarray(peak)))
    level = np.clip(light_to_pq(light) / top, 0.0, 1.0)
    largest = float(light_to_pq(np.asarray(white))) / top
    knee = 1.5 * largest - 0.5
    t = np.maximum(level - knee, 0.0) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * largest
    )
    return pq_to_light(np.where(level < knee, level, spline) * top)


class ToneMap:
    """Tables that take R'G'B' of one transfer function and primaries to 8-bit BT.709.

    The tone curve is applied to the largest of the three channels and the others keep their ratio
    to it, so that hue stays and nothing bright is clipped by it; colours outside BT.709 are
    clipped. Light is linear in between: one lookup per value in, one per pixel for the curve, one
    per value out.

    Args:
        transfer: ``pq``, ``hlg`` or ``wide`` (standard range, BT.1886).
        primaries: FFmpeg's name; unknown is BT.2020.
        full: the code value in 16 bits of a full signal; what is above counts as full.
    """

    def __init__(self, transfer: Source, primaries: str, full: int = 65535) -> None:
        self._transfer = transfer
        code = np.minimum(np.arange(1 << 16) / full, 1.0)
        # In units of the peak, which is the reference white for standard range.
        light = {
            "pq": lambda: pq_to_light(code) / PEAK,
            "hlg": lambda: hlg_to_scene(code),
            "wide": lambda: code**_GAMMA,
        }[transfer]()
        self._light = light.astype(np.float32)
        self._matrix = np.array(_TO_709.get(primaries, _TO_709["bt2020"]), np.float32)
        largest = 10_000.0 / PEAK
        self._per_light = np.float32((_GAINS - 1) / largest)
        light = np.linspace(0.0, largest, _GAINS) * PEAK
        gains = np.full(_GAINS, PEAK / WHITE)
        gains[1:] *= eetf(light[1:]) / light[1:]
        self._gains = gains.astype(np.float32)
        shown = 255 * np.linspace(0.0, 1.0, _GAMMAS) ** (1 / _GAMMA)
        self._shown = np.round(shown).astype(np.uint8)

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        """Map a picture.

        Args:
            codes: uint16 [H, W, 3], R'G'B'.

        Returns:
            uint8 [H, W, 3] R'G'B' of BT.709 for a display of gamma 2.4.
        """
        image = np.empty(codes.shape, np.uint8)
        for row in range(0, codes.shape[0], _ROWS):
            image[row : row + _ROWS] = self._map(codes[row : row + _ROWS])
        return image

    def _map(self, codes: np.ndarray) -> np.ndarray:
        light = self._light[codes]
        if self._transfer == "hlg":
            # The display's light: scene luminance to the power gamma - 1 (BT.2100's OOTF).
            luminance = light @ _LUMA_2020.astype(np.float32)
            light *= (luminance ** np.float32(_HLG_GAMMA - 1))[..., None]
        if self._transfer != "wide":
            index = (light.max(axis=-1) * self._per_light).astype(np.int32)
            light *= self._gains[index][..., None]
        linear = light @ self._matrix.T
        np.clip(linear, 0.0, 1.0, out=linear)
        linear *= np.float32(_GAMMAS - 1)
        return self._shown[linear.astype(np.int32)]
