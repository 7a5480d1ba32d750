"""Features on disk: made once, for all encoders at once, and found again."""

import numpy as np
import pytest

from tests.evaluation.factors.pictures import cone
from vidcl.datasets.labelled import open_labelled_set, write_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation.factors import store
from vidcl.evaluation.factors.store import Condition, fill, load
from vidcl.evaluation.factors.transform import transform
from vidcl.evaluation.images import image_source


@pytest.fixture
def data(tmp_path):
    images = np.stack([np.roll(cone(), 7 * k, axis=0) for k in range(5)])
    write_labelled_set(tmp_path / "set.parquet", "set", images, {"class": list("abcab")})
    return open_labelled_set(tmp_path / "set.parquet")


class Encoder:
    """Corner pixels as features; counts the images it has seen."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, data):
        source = image_source(data)
        self.seen += source.count
        return np.stack([source.image(k)[:4, :4].reshape(-1) for k in range(source.count)])


def test_fills_once_and_goes_on(data, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "HELD_IMAGES", 2)  # three parts
    first, second = Encoder(), Encoder()
    told: list[int] = []
    condition = Condition("set", "crop", 3, seed=1)
    fill(tmp_path / "features", data, condition, {"one": first}, told.append)
    fill(tmp_path / "features", data, condition, {"one": first, "two": second}, told.append)
    fill(tmp_path / "features", data, condition, {"one": first, "two": second}, told.append)
    assert (first.seen, second.seen, sum(told)) == (5, 5, 25)
    source = image_source(data)
    expected = [transform(source.image(k), "crop", 3, 1)[:4, :4].reshape(-1) for k in range(5)]
    for encoder in ("one", "two"):
        found = load(tmp_path / "features", condition, encoder)
        assert found.dtype == np.float32 and np.array_equal(found, expected)


def test_images_are_made_once_for_all_encoders(data, tmp_path, monkeypatch):
    reads = []
    read = data.read
    object.__setattr__(data, "read", lambda index: reads.append(index) or read(index))
    encoders = {"one": Encoder(), "two": Encoder(), "three": Encoder()}
    fill(tmp_path, data, Condition("set", "blur", 1), encoders, lambda count: None)
    assert sorted(reads) == [0, 1, 2, 3, 4]


def test_untouched_images_keep_their_boxes(data, tmp_path):
    boxes = np.tile([10.0, 5.0, 30.0, 25.0], (5, 1))
    object.__setattr__(data, "boxes", boxes)
    fill(tmp_path, data, Condition("set"), {"one": Encoder()}, lambda count: None)
    source = image_source(data)
    assert source.image(0).shape == (20, 20, 3)
    expected = [source.image(k)[:4, :4].reshape(-1) for k in range(5)]
    assert np.array_equal(load(tmp_path, Condition("set"), "one"), expected)


def test_whatever_moves_features_moves_the_file(tmp_path, monkeypatch):
    base = Condition("set", "crop", 3, seed=1)
    paths = [
        base.path(tmp_path, "one"),
        base.path(tmp_path, "two"),
        Condition("other", "crop", 3, seed=1).path(tmp_path, "one"),
        Condition("set", "blur", 3, seed=1).path(tmp_path, "one"),
        Condition("set", "crop", 2, seed=1).path(tmp_path, "one"),
        Condition("set", "crop", 3, seed=2).path(tmp_path, "one"),
        Condition("set", "crop", 3, seed=1, occluder="image").path(tmp_path, "one"),
    ]
    monkeypatch.setitem(store.FACTORS, "crop", store.FACTORS["blur"])  # other values
    paths.append(base.path(tmp_path, "one"))
    assert len(set(paths)) == len(paths)


def test_missing_and_damaged_features_are_told(data, tmp_path):
    condition = Condition("set", "jpeg", 1)
    with pytest.raises(VidclError, match="delete the file"):
        load(tmp_path, condition, "one")
    condition.path(tmp_path, "one").write_bytes(b"\x93NUMPY")
    with pytest.raises(VidclError, match="delete the file"):
        load(tmp_path, condition, "one")


def test_a_stopped_embedding_leaves_nothing(data, tmp_path):
    def stopped(part):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path, data, Condition("set", "blur", 1), {"one": stopped}, lambda count: None)
    assert not list(tmp_path.glob("*.npy")) and not list(tmp_path.glob(".*"))
