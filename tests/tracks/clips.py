"""Small moving pictures for the tests of proposing and following."""

import cv2
import numpy as np

from vidcl.tracks.crops import Crop
from vidcl.tracks.motion.scene import Scene
from vidcl.video.frames import Frame


def texture(seed: int, height: int, width: int, grain: int = 6, low: int = 30) -> np.ndarray:
    """Smooth random colours, uint8 [H, W, 3]."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(low, 255, (height // grain + 2, width // grain + 2, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def square_clip(
    count: int = 24,
    *,
    seed: int = 0,
    speed: tuple[float, float] = (2.5, 0.8),
    camera: float = 0.6,
    side: int = 34,
) -> tuple[list[Frame], np.ndarray]:
    """A textured square that moves over a textured ground seen by a drifting camera: frames of
    120 x 160 at 12 per second, and its exact boxes float64 [T, 4]."""
    ground = texture(seed, 160, 240, grain=10)
    thing = texture(seed + 1, side, side, grain=5)
    frames, boxes = [], []
    for k in range(count):
        shift = np.array([[1.0, 0, -10 - camera * k], [0, 1.0, -10]])
        image = cv2.warpAffine(ground, shift, (160, 120))
        x, y = round(25 + speed[0] * k), round(35 + speed[1] * k)
        room = image[y : y + side, x : x + side]
        room[:] = thing[: room.shape[0], : room.shape[1]]
        frames.append(Frame(image, k / 12, False))
        boxes.append([x, y, x + side, y + side])
    return frames, np.array(boxes, dtype=np.float64)


def plain_crop(image: np.ndarray, box: np.ndarray) -> Crop:
    """A crop function that packs nothing."""
    return Crop(b"", np.asarray(box, dtype=np.float32), int(box[2] - box[0]), int(box[3] - box[1]))


def draw(scene: Scene, *boxes: tuple[int, int, int, int]) -> None:
    """Mark boxes of the scene as moving."""
    for x0, y0, x1, y1 in boxes:
        scene.mask[y0:y1, x0:x1] = 1
        scene.foreground.belief[y0:y1, x0:x1] = 0.9
