import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.synthetic.factors import FACTORS, varying_factors
from vidcl.synthetic.sets import SET_NAMES, evaluation_set, write_sets

COLUMNS = {
    "viewpoint": ["azimuth"],
    "light_direction": ["light_angle", "light_around"],
    "light_color": ["light_red", "light_green", "light_blue"],
    "background": ["background"],
    "occlusion": ["occlusion"],
    "scale": ["scale"],
}


@pytest.fixture(scope="module")
def sets(world):
    return {name: evaluation_set(world, name) for name in SET_NAMES}


def test_names():
    assert len(SET_NAMES) == 13
    assert set(varying_factors("all_but_scale")) == set(FACTORS) - {"scale"}
    with pytest.raises(VidclError, match="choose among viewpoint"):
        varying_factors("all_but_wild")


@pytest.mark.parametrize("name", SET_NAMES)
def test_only_the_named_factors_vary(sets, name):
    images, labels = sets[name]
    assert images.shape == (48, 32, 32, 3) and images.dtype == np.uint8
    assert len(set(labels["instance"])) == len(set(labels["class"])) == 12
    assert set(labels["factor"]) == {name}
    assert all(len(column) == 48 for column in labels.values())
    for factor, columns in COLUMNS.items():
        for column in columns:
            varies = len(set(labels[column])) > 1
            assert varies == (factor in varying_factors(name)), column


def test_factor_values_are_shared_between_sets(sets):
    wild = sets["wild"][1]
    for factor in FACTORS:
        for name in (f"all_but_{factor}", factor):
            for other in varying_factors(name):
                for column in COLUMNS[other]:
                    if column == "occlusion":  # measured, and so dependent on the pose
                        continue
                    assert np.array_equal(wild[column], sets[name][1][column])


def test_ranges(world, sets):
    labels = sets["wild"][1]
    assert labels["azimuth"].min() >= 0 and labels["azimuth"].max() < 360
    assert labels["scale"].min() >= world.sets.scale[0] and labels["scale"].max() <= 1
    assert labels["occlusion"].max() <= world.sets.occlusion[1] + 0.15
    assert set(sets["viewpoint"][1]["occlusion"]) == {0.0}
    for instance in set(labels["instance"]):
        azimuth = np.sort(labels["azimuth"][labels["instance"] == instance])
        assert np.diff(azimuth).max() < 2 * 360 / world.sets.views


def test_pixels_change_only_where_they_should(sets):
    """Up to JPEG: the corner shows the shared background, the middle shows the object."""
    for name in ("viewpoint", "light_direction"):
        corner = sets[name][0][:, :2, :2].astype(float)
        assert np.abs(corner - corner.mean(0)).mean() < 8
    corner = sets["background"][0][:, :2, :2].astype(float)
    assert np.abs(corner - corner.mean(0)).mean() > 15
    images, labels = sets["background"]
    for instance in set(labels["instance"]):
        middle = images[labels["instance"] == instance][:, 14:18, 14:18].astype(float)
        assert np.median(np.abs(middle - middle.mean(0))) < 6
    colours = sets["light_color"]
    grey = colours[0].astype(float).mean((1, 2))
    gains = np.stack([colours[1][f"light_{c}"] for c in ("red", "green", "blue")], 1)
    for channel in range(3):
        assert np.corrcoef(grey[:, channel], gains[:, channel])[0, 1] > 0.5


def test_report_and_tune_show_different_objects_and_repeat_exactly(world, sets):
    images, labels = evaluation_set(world, "wild")
    assert np.array_equal(images, sets["wild"][0])
    other, other_labels = evaluation_set(world, "wild", objects="tune")
    assert not set(labels["instance"]) & set(other_labels["instance"])
    assert not np.array_equal(images, other)


def test_write_sets_keeps_what_is_there(world, tmp_path):
    written = []

    def write(path, name, images, labels):
        written.append((path.name, name, images.shape, sorted(labels)))
        path.write_bytes(b"set")

    names = ("scale", "wild")
    calls = []
    write_sets(world, tmp_path, names, write=write, progress=lambda *c: calls.append(c))
    assert [(item[0], item[1]) for item in written] == [
        ("scale.parquet", "scale"),
        ("wild.parquet", "wild"),
    ]
    assert calls == [(0, 2), (1, 2), (2, 2)]
    write_sets(world, tmp_path, names, write=write)
    assert len(written) == 2
    with pytest.raises(VidclError, match="other settings"):
        write_sets(world, tmp_path, names, "tune", write=write)
    with pytest.raises(VidclError, match="no set"):
        write_sets(world, tmp_path, ("wlid",), write=write)
