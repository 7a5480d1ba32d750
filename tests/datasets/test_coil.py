"""COIL-20 and COIL-100 as folders, and as arrays in one file."""

from dataclasses import replace

import numpy as np
import pytest

from tests.datasets.trees import picture, touch, touch_all
from vidcl.datasets.coil import COIL20, COIL100, open_coil
from vidcl.datasets.registry import open_dataset
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source


def fill(folder, objects, step):
    for number in range(1, objects + 1):
        touch_all(folder, [f"obj{number}__{view}.png" for view in range(0, 72 * step, step)])
    return folder


@pytest.mark.parametrize(
    ("coil", "step"), [(COIL20, 1), (replace(COIL100, objects=11), 5)], ids=["coil20", "coil100"]
)
def test_names_give_objects_and_angles(tmp_path, coil, step):
    folder = fill(tmp_path / coil.folder, coil.objects, step)
    data = open_coil(folder, coil)
    assert data.labels["instance"].tolist() == [
        str(number) for number in range(1, coil.objects + 1) for _ in range(72)
    ]
    assert data.labels["azimuth"].tolist() == list(range(0, 360, 5)) * coil.objects
    assert data.labels["path"][71] == f"obj1__{71 * step}.png"
    assert open_coil(tmp_path, coil).labels["path"][0] == "obj1__0.png"
    (folder / f"obj3__{6 * step}.png").unlink()
    with pytest.raises(VidclError, match=r"Object 3 of .* has 71 of 72 views"):
        open_coil(folder, coil)
    assert len(open_coil(folder, coil, partial=True)) == coil.objects * 72 - 1
    for view in range(0, 72 * step, step):
        (folder / f"obj{coil.objects}__{view}.png").unlink()
    with pytest.raises(
        VidclError, match=f"{coil.objects - 1} of the {coil.objects} objects of COIL-"
    ):
        open_coil(folder, coil)


def test_both_kinds_have_their_counts(tmp_path):
    for kind, objects in (("coil20", 20), ("coil100", 100)):
        fill(tmp_path / kind, 1, 1 if kind == "coil20" else 5)
        with pytest.raises(VidclError, match=f" 1 of the {objects} objects of COIL-{objects}"):
            open_dataset(f"{kind}:{tmp_path / kind}")


def test_a_picture_is_read(tmp_path):
    picture(tmp_path / "obj2__10.png", value=8)
    source = image_source(open_dataset(f"coil20-part:{tmp_path}"))
    assert source.image(0).max() == 8 and source.labels["azimuth"].tolist() == [50]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("coil20", "obj21__0.png"),
        ("coil20", "obj1__72.png"),
        ("coil20", "obj1_0.png"),
        ("coil20", "obj01__0.png"),
        ("coil100", "obj1__7.png"),
        ("coil100", "obj1__360.png"),
        ("coil100", "obj101__0.png"),
    ],
)
def test_a_name_of_another_set_is_refused(tmp_path, kind, name):
    touch(tmp_path / name)
    with pytest.raises(VidclError, match=f"{name} is not named like a picture of coil-"):
        open_dataset(f"{kind}-part:{tmp_path}")


def arrays(**changes):
    rng = np.random.default_rng(0)
    given = {
        "images": rng.integers(0, 256, (6, 5, 4), dtype=np.uint8),
        "object_id": np.array([3, 3, 3, 12, 12, 12], np.int16),
        "angle_deg": np.array([0, 5, 10, 0, 5, 10], np.int16),
    }
    return {name: value for name, value in (given | changes).items() if value is not None}


@pytest.mark.parametrize("shape", [(6, 5, 4), (6, 5, 4, 3)])
def test_a_file_of_arrays_is_read_exactly(tmp_path, shape):
    images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    np.savez_compressed(tmp_path / "a.npz", **arrays(images=images))
    data = open_dataset(tmp_path / "a.npz")
    assert data.labels["instance"].tolist() == ["3", "3", "3", "12", "12", "12"]
    assert data.labels["azimuth"].tolist() == [0, 5, 10, 0, 5, 10]
    source = image_source(data)
    for k in range(6):
        wanted = images[k] if images.ndim == 4 else np.repeat(images[k][..., None], 3, axis=2)
        assert np.array_equal(source.image(k), wanted)
    assert data.fingerprint() == open_dataset(f"npz:{tmp_path / 'a.npz'}").fingerprint()
    assert data.subset(np.array([0])).fingerprint() != data.subset(np.array([1])).fingerprint()


def test_a_file_of_arrays_is_coil20_if_it_is_whole(tmp_path):
    np.savez(
        tmp_path / "coil.npz",
        images=np.zeros((1440, 2, 2), np.uint8),
        object_id=np.repeat(np.arange(1, 21), 72),
        angle_deg=np.tile(np.arange(0, 360, 5), 20),
    )
    assert len(open_dataset(f"coil20:{tmp_path / 'coil.npz'}")) == 1440
    with pytest.raises(VidclError, match="20 of the 100 objects of COIL-100"):
        open_dataset(f"coil100:{tmp_path / 'coil.npz'}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"angle_deg": None}, "no array angle_deg"),
        ({"images": np.zeros((6, 5, 4))}, "must be uint8"),
        ({"images": np.zeros((6, 5), np.uint8)}, "must be uint8"),
        ({"images": np.zeros((6, 5, 4, 2), np.uint8)}, "must be uint8"),
        ({"images": np.zeros((0, 5, 4), np.uint8)}, "must be uint8"),
        ({"object_id": np.zeros(6)}, "one whole number per image"),
        ({"object_id": np.zeros(5, int)}, "one whole number per image"),
        ({"angle_deg": np.array([0, 1, 2, 3, 4, np.nan])}, "one finite number per image"),
        ({"angle_deg": np.array(list("abcdef"))}, "one finite number per image"),
        ({"angle_deg": np.zeros((6, 1))}, "one finite number per image"),
        ({"images": np.array([{}] * 6)}, "Cannot read .*allow_pickle=False"),
    ],
)
def test_other_arrays_are_refused(tmp_path, changes, said):
    np.savez(tmp_path / "a.npz", **arrays(**changes))
    with pytest.raises(VidclError, match=said):
        open_dataset(tmp_path / "a.npz")


def test_broken_files_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", **arrays())
    whole = (tmp_path / "a.npz").read_bytes()
    for k, data in enumerate((b"", b"text", whole[:200], whole[:150] + b"\0" * 40 + whole[190:])):
        (tmp_path / f"{k}.npz").write_bytes(data)
        with pytest.raises(VidclError, match="Cannot read"):
            open_dataset(tmp_path / f"{k}.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(VidclError, match="holds one array"):
        open_dataset(tmp_path / "one.npz")
    with pytest.raises(VidclError, match="There is no file"):
        open_dataset(f"npz:{tmp_path / 'nowhere.npz'}")


@pytest.mark.real_data
def test_the_real_part_of_coil20(real_data):
    path = real_data / "multiview" / "coil20_32x32.npz"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with pytest.raises(VidclError, match="14 of the 20 objects"):
        open_dataset(f"coil20:{path}")
    data = open_dataset(f"coil20-part:{path}")
    objects, counts = np.unique(data.labels["instance"], return_counts=True)
    assert len(objects) == 14 and set(counts) == {72}
    assert sorted(set(data.labels["azimuth"])) == list(range(0, 360, 5))
    assert image_source(data).image(1007).shape == (32, 32, 3)
