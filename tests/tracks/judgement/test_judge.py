"""How a step is judged."""

import numpy as np

from tests.tracks.clips import draw, texture
from vidcl.tracks.judgement.looks import Judge, forward_backward_score, normalise, total_score
from vidcl.tracks.judgement.support import doubtful
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.patches import cut_patches


def test_doubts(still: Scene) -> None:
    draw(still, (20, 20, 40, 40), (60, 20, 80, 40), (100, 60, 150, 110))
    boxes = np.array(
        [
            [20.0, 20, 40, 40],  # one thing
            [20, 20, 80, 60],  # two things apart
            [105, 65, 125, 85],  # a part of a larger one
            [0, 80, 40, 115],  # nothing
        ]
    )
    alone = [bool(doubtful(still, boxes[k : k + 1])[0]) for k in range(4)]
    assert alone == [False, True, True, True]
    shared = doubtful(still, np.array([[105.0, 65, 125, 85], [125, 65, 150, 110]]))
    assert not shared[0]


def test_patches_are_cut_like_a_slow_average() -> None:
    picture = texture(0, 40, 40)
    got = cut_patches(picture, np.array([[8.0, 4, 24, 20], [-8, -8, 8, 8]]), 16)
    assert np.array_equal(got[0], picture[4:20, 8:24])
    assert np.array_equal(got[1][8:, 8:], picture[:8, :8])
    assert (got[1][:8, :8] == picture[0, 0]).all()


def test_appearance_and_blur_scores() -> None:
    picture, other = texture(0, 60, 60), texture(9, 60, 60)
    boxes = np.array([[10.0, 10, 40, 40], [20, 20, 50, 50]])
    judge = Judge()
    judge.add(picture, boxes)
    appearance, blur = judge.score(picture, boxes)
    assert np.allclose(appearance, 1, atol=1e-4) and np.allclose(blur, 1)
    brighter = np.clip(picture.astype(np.int16) // 2 + 20, 0, 255).astype(np.uint8)
    appearance, blur = judge.score(brighter, boxes)
    assert (appearance > 0.98).all() and (blur < 0.7).all()
    assert (judge.score(other, boxes)[0] < 0.6).all()
    judge.keep(np.array([1]))
    assert len(judge.score(picture, boxes[1:])[0]) == 1


def test_score_arithmetic() -> None:
    assert np.allclose(forward_backward_score(np.array([0.0, 0.12]), 0.12), [1, 0.5])
    assert np.allclose(total_score(np.array([0.5]), np.array([0.25]), np.array([1.0])), [0.5])
    rows = normalise(np.random.default_rng(0).integers(0, 255, (3, 8, 8, 3), np.uint8))
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert np.allclose(rows.reshape(3, -1, 3).mean(axis=1), 0, atol=1e-5)
