"""Slow float references of BT.2100, BT.2390, BT.2087 and BT.1886, and frames to try them on."""

import math

import numpy as np
from av.video.frame import VideoFrame

from vidcl.video.hdr import PEAK, WHITE

#: H.273: BT.2020 non-constant luminance, limited range, BT.2020 primaries, and the transfer.
PQ = {"colorspace": 9, "color_range": 1, "color_trc": 16, "color_primaries": 9}
HLG = PQ | {"color_trc": 18}
WIDE = PQ | {"color_trc": 14}

#: x, y of the primaries red, green, blue; white is D65 for all.
CHROMATICITIES = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "smpte432": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}


def slow_pq_to_light(code: float) -> float:
    m1, m2 = 0.1593017578125, 78.84375
    c1, c2, c3 = 0.8359375, 18.8515625, 18.6875
    power = code ** (1 / m2)
    return 10_000 * (max(power - c1, 0.0) / (c2 - c3 * power)) ** (1 / m1)


def slow_light_to_pq(light: float) -> float:
    m1, m2 = 0.1593017578125, 78.84375
    c1, c2, c3 = 0.8359375, 18.8515625, 18.6875
    power = (light / 10_000) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


def slow_hlg_to_scene(code: float) -> float:
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * math.log(4 * a)
    return code * code / 3 if code <= 0.5 else (math.exp((code - c) / a) + b) / 12


def slow_eetf(light: float) -> float:
    """BT.2390-10, 5.4.1, steps 1 to 4 without black."""
    top = slow_light_to_pq(PEAK)
    e1 = min(slow_light_to_pq(light) / top, 1.0)
    largest = slow_light_to_pq(WHITE) / top
    knee = 1.5 * largest - 0.5
    if e1 < knee:
        return slow_pq_to_light(e1 * top)
    t = (e1 - knee) / (1 - knee)
    e2 = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * largest
    )
    return slow_pq_to_light(e2 * top)


def to_xyz(name: str) -> np.ndarray:
    """RGB to XYZ by the primaries' chromaticities (SMPTE RP 177)."""
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in CHROMATICITIES[name]]).T
    x, y = 0.3127, 0.3290
    return columns * np.linalg.solve(columns, [x / y, 1.0, (1 - x - y) / y])


def slow_map(rgb: np.ndarray, transfer: str, primaries: str = "bt2020") -> np.ndarray:
    """R'G'B' in [0, 1] to BT.709 levels in [0, 255], one pixel, in floats."""
    if transfer == "pq":
        light = np.array([slow_pq_to_light(v) for v in rgb])
    elif transfer == "hlg":
        scene = np.array([slow_hlg_to_scene(v) for v in rgb])
        luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
        light = 1000 * scene * luminance**0.2
    else:
        light = rgb**2.4
    if transfer != "wide":
        largest = light.max()
        light = light * (slow_eetf(largest) / largest / WHITE if largest > 0 else 0)
    matrix = np.linalg.solve(to_xyz("bt709"), to_xyz(primaries))
    return 255 * np.clip(matrix @ light, 0, 1) ** (1 / 2.4)


def flat(
    code: tuple[int, int, int], tags: dict[str, int], pixels: str = "yuv420p10le"
) -> VideoFrame:
    frame = VideoFrame(64, 64, pixels)
    for plane, value in zip(frame.planes, code, strict=True):
        plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
    for name, value in tags.items():
        setattr(frame, name, value)
    return frame


def grey_code(signal: float) -> tuple[int, int, int]:
    """10-bit limited-range Y'CbCr of a grey."""
    return round(64 + 876 * signal), 512, 512
