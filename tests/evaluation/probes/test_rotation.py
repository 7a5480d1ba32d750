"""The rotation probe: what is turned, and what features that know or do not know it score."""

import io

import numpy as np
import pytest
from PIL import Image

from vidcl.datasets.labelled import LabelledSet
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source
from vidcl.evaluation.probes.rotation import (
    rotated_set,
    rotation_features,
    rotation_probe,
    turned,
)


def pictures(count=30, seed=0):
    """Images of two shapes with a bright left edge and noise."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        image = rng.integers(0, 120, size=(10, 14 if number % 2 else 10, 3)).astype(np.uint8)
        left = (image.shape[1] - 10) // 2
        image[:, left : left + 3] += 100
        made.append(image)
    return made


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_turn_is_counter_clockwise_and_square():
    image = np.zeros((4, 6, 3), np.uint8)
    image[0, 1] = 7  # the upper left corner of the central square
    corners = [(0, 0), (3, 0), (3, 3), (0, 3)]
    for quarters, corner in enumerate(corners):
        after = turned(image, quarters)
        assert after.shape == (4, 4, 3)
        assert np.argwhere(after[..., 0] == 7).tolist() == [list(corner)]


def test_the_set_and_the_function_turn_alike():
    images = pictures(5)
    boxes = np.array([[1.0, 0, 9, 8]] * 5)
    labels = {"instance": np.array(list("aabbc"))}
    for given in (None, boxes):
        data = LabelledSet("toys", labels, lambda k: png(images[k]), 5, given, lambda k: (k,))
        spun = rotated_set(data)
        source = image_source(spun)
        assert len(spun) == source.count == 20
        plain = image_source(data)

        def flat(group):
            return np.stack([image.reshape(-1) for image in group])

        expected = rotation_features([plain.image(k) for k in range(5)], flat)
        assert np.array_equal(flat([source.image(k) for k in range(20)]), expected)
        assert spun.labels["instance"].tolist() == list("aaaaaaaabbbbbbbbcccc")
        assert spun.labels["rotation"].tolist() == [0, 1, 2, 3] * 5
        assert spun.labels["image_number"].tolist() == np.repeat(range(5), 4).tolist()
        assert len({spun.stamp(k) for k in range(20)}) == 20
    unstamped = rotated_set(LabelledSet("toys", labels, lambda k: png(images[k]), 5))
    assert unstamped.stamp is None
    assert unstamped.fingerprint() == unstamped.content_hash()


def test_pixels_tell_the_turn_and_their_mean_does_not():
    images = pictures()
    pixels = rotation_features(images, lambda group: np.stack([i.reshape(-1) for i in group]) / 255)
    told = rotation_probe(pixels)
    assert told["value"] > 0.9
    assert told["chance"] == 0.25
    assert told["settings"]["train_images"] == 21
    mean = rotation_features(images, lambda group: np.stack([i.mean((0, 1)) for i in group]))
    assert rotation_probe(mean)["value"] == pytest.approx(0.25, abs=0.1)
    assert rotation_probe(pixels) == told


def test_all_turns_of_all_views_of_an_instance_are_on_one_side():
    rng = np.random.default_rng(0)
    instance = np.repeat(np.arange(20), 4)
    # Each instance has a code of its own for every turn: nothing carries over to others.
    codes = rng.normal(size=(20, 4, 80))
    features = codes[instance].reshape(-1, 80) + 0.01 * rng.normal(size=(320, 80))
    apart = rotation_probe(features, groups=instance)
    assert apart["value"] < 0.5
    assert apart["settings"]["test_images"] == 24
    assert rotation_probe(features)["value"] > 0.8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"features": np.zeros((7, 2))}, "four turns"),
        ({"features": np.full((8, 2), np.nan)}, "not finite"),
        ({"groups": np.zeros(3)}, "one per image"),
        ({"groups": np.zeros(8)}, "two instances"),
    ],
)
def test_what_cannot_be_measured_is_refused(change, words):
    rng = np.random.default_rng(0)
    with pytest.raises(VidclError, match=words):
        rotation_probe(**({"features": rng.normal(size=(32, 3))} | change))
