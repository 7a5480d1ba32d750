"""ETH-80 in its published layout and sorted into classes."""

import csv
import shutil

import numpy as np
import pytest

from tests.datasets.trees import picture, touch, touch_all
from vidcl.datasets import eth80
from vidcl.datasets.eth80 import CLASSES, open_eth80
from vidcl.datasets.registry import open_dataset
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source

#: Views of the real set, (polar, azimuth), as far as a test needs: 41 of them.
VIEWS = [(0, 0)] + [(polar, azimuth) for polar in (22, 45, 66, 90) for azimuth in range(0, 300, 30)]


def whole(folder, classes=CLASSES, objects=range(1, 11), sort=False):
    """As it unpacks: a folder per object, masks in ``maps``; or these in folders per class."""
    for name in classes:
        for number in objects:
            child = folder / name / f"{name}{number}" if sort else folder / f"{name}{number}"
            touch_all(child, [f"{child.name}-{polar:03d}-{a:03d}.png" for polar, a in VIEWS])
            touch(child / "maps" / f"{child.name}-000-000-map.png")
    return folder


def test_the_whole_set_has_its_80_objects(tmp_path):
    data = open_eth80(whole(tmp_path / "eth"))
    assert len(data) == 3280 and len(np.unique(data.labels["instance"])) == 80
    assert np.unique(data.labels["class"]).tolist() == sorted(CLASSES)
    assert not any("map" in path for path in data.labels["path"])


@pytest.mark.parametrize("sort", [False, True])
def test_names_give_labels(tmp_path, sort):
    folder = whole(tmp_path / "eth", ("horse", "cup"), (1, 10), sort)
    data = open_eth80(folder, partial=True)
    assert len(data) == 4 * 41
    path = "horse10/horse10-066-210.png"
    row = data.labels["path"].tolist().index(f"horse/{path}" if sort else path)
    picked = {name: values[row] for name, values in data.labels.items() if name != "path"}
    assert picked == {"instance": "horse10", "class": "horse", "polar": 66, "azimuth": 210}


def test_pictures_are_read(tmp_path):
    picture(tmp_path / "cup3" / "cup3-090-045.png", value=9)
    source = image_source(open_eth80(tmp_path, partial=True))
    assert source.image(0).max() == 9 and source.labels["azimuth"].tolist() == [45]


def test_a_part_is_used_only_knowingly(tmp_path):
    folder = whole(tmp_path / "eth", classes=("cup", "dog"))
    with pytest.raises(VidclError, match=r"20 of the 80 objects .* eth80-part:"):
        open_dataset(f"eth80:{folder}")
    assert len(open_dataset(f"eth80-part:{folder}")) == 20 * 41


def test_a_half_unpacked_object_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(eth80, "OBJECTS", 5)
    folder = whole(tmp_path / "eth", classes=("cow",), objects=range(1, 6))
    (folder / "cow4" / "cow4-045-030.png").unlink()
    with pytest.raises(VidclError, match=r"cow4 of .* has 40 of 41 views: "):
        open_eth80(folder)
    shutil.rmtree(folder / "cow5")
    (folder / "cow5").mkdir()
    with pytest.raises(VidclError, match=r"cow4 .* \(and 1 more are not whole\)"):
        open_eth80(folder)
    assert len(open_eth80(folder, partial=True)) == 5 * 41 - 42


@pytest.mark.parametrize(
    "name",
    [
        "cup1/cup2-000-000.png",
        "cup1/cup1-000.png",
        "cup1/cup1-000-000-map.png",
        "apple/cup1/cup1-000-000.png",
        "bowl1/bowl1-000-000.png",
        "cup/cup-000-000.png/x.png",
        "<script>/a.png",
    ],
)
def test_what_is_not_of_the_set_is_named(tmp_path, name):
    touch(tmp_path / name)
    with pytest.raises(VidclError, match="take it away"):
        open_eth80(tmp_path, partial=True)


def test_an_empty_folder_says_what_to_put_there(tmp_path):
    for partial in (False, True):
        with pytest.raises(VidclError, match="holds no picture of ETH-80: put the folders"):
            open_eth80(tmp_path, partial=partial)


@pytest.mark.real_data
def test_the_real_part_agrees_with_its_table(real_data):
    folder = real_data / "multiview" / "eth80"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    with pytest.raises(VidclError, match="55 of the 80 objects"):
        open_dataset(f"eth80:{folder}")
    data = open_dataset(f"eth80-part:{folder}")
    assert len(data) == 2255
    objects, counts = np.unique(data.labels["instance"], return_counts=True)
    assert len(objects) == 55 and set(counts) == {41}
    with open(folder / "labels.csv", newline="") as file:
        table = {row["path"]: row for row in csv.DictReader(file)}
    assert set(table) == set(data.labels["path"])
    for k, path in enumerate(data.labels["path"]):
        row = table[path]
        assert row["category"] == data.labels["class"][k]
        assert row["object"] == data.labels["instance"][k]
        assert float(row["polar_deg"]) == data.labels["polar"][k]
        assert float(row["azimuth_deg"]) == data.labels["azimuth"][k]
    assert image_source(data).image(2254).ndim == 3
    same = open_dataset(str(folder / "labels.csv"))
    assert len(same) == 2255 and same.labels["azimuth_deg"].dtype == np.int64
