"""VOC 2007's classes of each picture."""

import numpy as np
import pytest

from tests.datasets.trees import picture, touch
from vidcl.datasets import voc07
from vidcl.datasets.registry import open_dataset
from vidcl.datasets.voc07 import CLASSES, voc_targets
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source

NAMES = {"trainval": ["000005", "000007", "000009"], "test": ["000001", "000002"]}


@pytest.fixture
def voc(tmp_path, monkeypatch):
    """VOC 2007 as it would be with 5 pictures, and its targets."""
    targets = np.random.default_rng(0).integers(-1, 2, (5, 20))
    folder = tmp_path / "VOCdevkit" / "VOC2007"
    for k, name in enumerate(CLASSES):
        for split, stems in NAMES.items():
            rows = targets[:3, k] if split == "trainval" else targets[3:, k]
            lines = [f"{stem} {value:2d}\n" for stem, value in zip(stems, rows, strict=True)]
            touch(folder / "ImageSets" / "Main" / f"{name}_{split}.txt", "".join(lines))
    for k, stem in enumerate(NAMES["trainval"] + NAMES["test"]):
        picture(folder / "JPEGImages" / f"{stem}.jpg", value=50 * k)
    for split, stems in NAMES.items():
        monkeypatch.setitem(voc07.IMAGES, split, len(stems))
    return folder, targets


def test_targets_are_those_of_the_lists(voc):
    folder, targets = voc
    data = open_dataset(f"voc07:{folder}")
    stems = NAMES["trainval"] + NAMES["test"]
    assert data.labels["path"].tolist() == [f"JPEGImages/{stem}.jpg" for stem in stems]
    assert data.labels["split"].tolist() == ["trainval"] * 3 + ["test"] * 2
    assert data.labels["voc_dog"].tolist() == targets[:, CLASSES.index("dog")].tolist()
    names, matrix = voc_targets(data)
    assert names == CLASSES and len(names) == 20
    assert matrix.dtype == np.int8 and np.array_equal(matrix, targets)
    names, matrix = voc_targets(data.subset(np.array([4, 1])))
    assert np.array_equal(matrix, targets[[4, 1]])
    assert abs(int(image_source(data).image(4).max()) - 200) < 3


def test_it_may_lie_in_the_devkit(voc):
    folder, _ = voc
    for place in (folder.parent, folder.parent.parent):
        assert len(open_dataset(f"voc07:{place}")) == 5


def test_a_missing_picture_is_counted(voc):
    folder, targets = voc
    (folder / "JPEGImages" / "000007.jpg").unlink()
    with pytest.raises(VidclError, match=r"2 of the 3 pictures of VOC 2007 trainval.*voc07-part:"):
        open_dataset(f"voc07:{folder}")
    part = open_dataset(f"voc07-part:{folder}")
    assert np.array_equal(voc_targets(part)[1], targets[[0, 2, 3, 4]])


def test_a_split_that_is_not_unpacked_is_named(voc):
    folder, _ = voc
    for name in CLASSES:
        (folder / "ImageSets" / "Main" / f"{name}_test.txt").unlink()
    with pytest.raises(VidclError, match=r"lacks aeroplane_test\.txt: unpack VOC 2007's test"):
        open_dataset(f"voc07:{folder}")
    assert set(open_dataset(f"voc07-part:{folder}").labels["split"]) == {"trainval"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("000005 2\n000007 -1\n000009 1\n", "has the line '000005 2'"),
        ("000005\n000007 -1\n000009 1\n", "has the line '000005'"),
        ("../../x 1\n000007 -1\n000009 1\n", "has the line '../../x 1'"),
        ("000007 -1\n000005 1\n000009 1\n", "lists other pictures than aeroplane"),
        ("000005 1\n", "lists other pictures than aeroplane"),
    ],
)
def test_a_broken_list_is_named(voc, text, said):
    folder, _ = voc
    touch(folder / "ImageSets" / "Main" / "dog_trainval.txt", text)
    with pytest.raises(VidclError, match=said):
        open_dataset(f"voc07-part:{folder}")


def test_other_folders_and_sets_say_so(tmp_path):
    with pytest.raises(VidclError, match=r"There is no folder .*JPEGImages: put the JPEGImages"):
        open_dataset(f"voc07:{tmp_path}")
    picture(tmp_path / "a.png")
    with pytest.raises(VidclError, match="no label column voc_aeroplane"):
        voc_targets(open_dataset(tmp_path))
