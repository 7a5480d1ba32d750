"""ALOI's three series, on few objects."""

import numpy as np
import pytest

from tests.datasets.trees import picture, touch, touch_all
from vidcl.datasets import aloi
from vidcl.datasets.registry import open_dataset
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source

TEMPERATURES = (110, 120, 130, 140, 150, 160, 170, 180, 190, 210, 230, 250)
NAMES = {
    aloi.VIEWPOINT: [f"r{angle}" for angle in range(0, 360, 5)],
    aloi.DIRECTION: [f"l{light}c{camera}" for light in range(1, 9) for camera in range(1, 4)],
    aloi.COLOUR: [f"i{temperature}" for temperature in TEMPERATURES],
}


@pytest.fixture
def three(tmp_path, monkeypatch):
    """A whole ALOI of three objects, numbered as ten is not after one; all series in one folder."""
    monkeypatch.setattr(aloi, "OBJECTS", 3)
    for number in (1, 2, 10):
        for names in NAMES.values():
            touch_all(tmp_path / "png2" / str(number), [f"{number}_{name}.png" for name in names])
        touch_all(tmp_path / "png2" / str(number), [f"{number}_{name}.png" for name in "clr"])
    return tmp_path


@pytest.mark.parametrize("series", NAMES, ids=lambda series: series.kind)
def test_a_set_is_an_object(three, series):
    data = open_dataset(f"{series.kind}:{three}")
    objects, counts = np.unique(data.labels["instance"], return_counts=True)
    assert objects.tolist() == ["1", "10", "2"] and set(counts) == {len(NAMES[series])}
    assert data.labels["instance"].tolist() == sorted(data.labels["instance"], key=int)
    assert data.labels["class"].tolist() == data.labels["instance"].tolist()
    assert set(data.labels["factor"]) == {series.factor}
    names = {path.split("_")[1].removesuffix(".png") for path in data.labels["path"]}
    assert names == set(NAMES[series])
    assert len(open_dataset(f"{series.kind}:{three / 'png2'}")) == len(data)


def test_values_of_the_factors(three):
    view = open_dataset(f"aloi-viewpoint:{three}")
    row = view.labels["path"].tolist().index("10/10_r355.png")
    assert view.labels["azimuth"][row] == view.labels["factor_value"][row] == 355
    assert sorted(set(view.labels["azimuth"])) == list(range(0, 360, 5))
    light = open_dataset(f"aloi-illumination-direction:{three}")
    row = light.labels["path"].tolist().index("2/2_l6c3.png")
    assert light.labels["factor_value"][row] == "l6c3" and "azimuth" not in light.labels
    colour = open_dataset(f"aloi-illumination-colour:{three}")
    assert sorted(set(colour.labels["factor_value"])) == list(TEMPERATURES)


def test_pictures_are_read(tmp_path):
    picture(tmp_path / "7" / "7_r45.png", value=5)
    source = image_source(open_dataset(f"aloi-viewpoint-part:{tmp_path}"))
    assert source.image(0).max() == 5


def test_missing_objects_and_pictures_are_counted(three):
    (three / "png2" / "2" / "2_r45.png").unlink()
    with pytest.raises(VidclError, match=r"Object 2 of .* has 71 of 72 pictures of aloi_red2_view"):
        open_dataset(f"aloi-viewpoint:{three}")
    assert len(open_dataset(f"aloi-viewpoint-part:{three}")) == 3 * 72 - 1
    assert len(open_dataset(f"aloi-illumination-colour:{three}")) == 36
    for file in (three / "png2" / "10").iterdir():
        file.unlink()
    (three / "png2" / "10").rmdir()
    with pytest.raises(VidclError, match=r"2 of the 3 objects of ALOI.*aloi-viewpoint-part:"):
        open_dataset(f"aloi-viewpoint:{three}")


def test_another_series_alone_is_no_series(tmp_path):
    touch(tmp_path / "1" / "1_i110.png")
    with pytest.raises(VidclError, match="no picture of aloi_red2_view"):
        open_dataset(f"aloi-viewpoint-part:{tmp_path}")
    with pytest.raises(VidclError, match="put the folders 1 to 1000 of aloi_red2_ill there"):
        open_dataset(f"aloi-illumination-direction:{tmp_path / 'nowhere'}")


@pytest.mark.parametrize("name", ["2_r45.png", "1_r45.jpg", "1_l9c1.png", "1_x.png", "1_r05.png"])
def test_a_picture_with_another_name_is_refused(tmp_path, name):
    touch(tmp_path / "1" / name)
    with pytest.raises(VidclError, match=f"{name} is not named like a picture of ALOI"):
        open_dataset(f"aloi-viewpoint-part:{tmp_path}")
