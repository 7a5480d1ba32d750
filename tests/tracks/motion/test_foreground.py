"""The belief in what moves, against plain array arithmetic and on a moving square."""

import itertools

import cv2
import numpy as np

from tests.tracks.clips import square_clip, texture
from vidcl.tracks.motion.flow import affine_flow
from vidcl.tracks.motion.foreground import EXPLAINED, GAIN, MEMORY, Foreground
from vidcl.tracks.motion.scene import Scene


def slow_belief(
    belief: np.ndarray,
    before: np.ndarray,
    picture: np.ndarray,
    backward: np.ndarray,
    camera: np.ndarray,
) -> tuple[np.ndarray, set[str]]:
    """One update, pixel by pixel where that says what is meant; and which cases occurred."""
    height, width = picture.shape[:2]
    still = cv2.warpAffine(
        before,
        camera,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    change = np.abs(picture.astype(int) - still).max(axis=2).astype(np.float32)
    gap = cv2.blur(change, (3, 3))
    noise = 6.0 + 1.5 * np.median(gap[::2, ::2])
    floor = 0.25 + 0.04 * np.hypot(camera[0, 2], camera[1, 2])
    out, cases = np.empty((height, width)), set()
    for y, x in np.ndindex(height, width):
        own = backward[y, x] - (camera @ [x, y, 1] - [x, y])
        moving = min(np.hypot(*own) / floor - 1, 1)
        changed = min(gap[y, x] / noise - 1, 1)
        if changed <= 0:
            case, evidence = "explained", EXPLAINED * changed
        elif moving <= 0:
            case, evidence = "still", 0.3 * moving
        else:
            case, evidence = "agreed", min(moving, changed)
        cases.add(case)
        from_x = int(np.clip(x + backward[y, x, 0], 0, width - 1))
        from_y = int(np.clip(y + backward[y, x, 1], 0, height - 1))
        out[y, x] = np.clip(MEMORY * belief[from_y, from_x] + GAIN * evidence, -1, 1)
    return out, cases


def test_updates_are_those_of_a_slow_loop() -> None:
    generator = np.random.default_rng(0)
    pictures = [texture(seed, 40, 50) for seed in (0, 0, 1)]
    pictures[1] = pictures[1].copy()
    pictures[1][10:25, 20:35] = 200
    foreground = Foreground(pictures[0])
    belief = np.zeros((40, 50))
    camera = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    for before, picture in itertools.pairwise(pictures):
        backward = generator.integers(-1, 2, (40, 50, 2)).astype(np.float32)
        belief, cases = slow_belief(belief, before, picture, backward, camera)
        foreground.update(picture, backward, camera)
        np.testing.assert_allclose(foreground.belief, belief, atol=1e-5)
        assert cases == {"explained", "still", "agreed"}
    assert foreground.frames == 2


def test_the_square_is_foreground_and_the_rest_is_not() -> None:
    frames, truth = square_clip(10)
    scene = Scene(120, with_flow=True)
    for frame in frames:
        scene.advance(frame.image)
    x0, y0, x1, y1 = scene.to_working(truth[-1:])[0].round().astype(int)
    inside = scene.mask[y0:y1, x0:x1]
    assert inside.mean() > 0.6
    assert scene.mask.sum() - inside.sum() < 0.5 * inside.size


def test_a_camera_that_moves_over_a_still_world_leaves_no_foreground() -> None:
    wide = texture(0, 140, 200)
    foreground = Foreground(wide[:120, :160])
    for k in range(1, 6):
        picture = wide[2 * k : 2 * k + 120, 3 * k : 3 * k + 160]
        camera = np.array([[1.0, 0.0, 3.0], [0.0, 1.0, 2.0]])
        foreground.update(picture, affine_flow(camera, 120, 160), camera)
    assert foreground.belief[4:-4, 4:-4].max() < 0
    assert not foreground.mask()[4:-4, 4:-4].any()
