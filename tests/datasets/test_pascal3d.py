"""PASCAL3D+'s sets on small annotations, against the authors' counting written out again."""

import sys
from collections import Counter

import numpy as np
import pytest

from tests.datasets.trees import picture, touch
from vidcl.datasets.pascal3d import CLASSES
from vidcl.datasets.registry import open_dataset
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source

scipy_io = pytest.importorskip("scipy.io")


def viewpoint(azimuth, elevation):
    """A structure as Matlab stores it; empty, or with empty fields, where there is none."""
    if azimuth is None:
        return np.zeros((0, 0))
    return {
        "azimuth_coarse": np.array(azimuth, float),
        "elevation_coarse": np.array(elevation, float),
    }


def annotate(path, objects):
    """An annotation with objects (class, box, azimuth, elevation), as savemat writes them."""
    grid = np.zeros((1, len(objects)), dtype=[("class", "O"), ("bbox", "O"), ("viewpoint", "O")])
    for k, (name, box, azimuth, elevation) in enumerate(objects):
        grid[0, k] = (name, np.array([box], float), viewpoint(azimuth, elevation))
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"filename": path.stem, "objects": grid}
    scipy_io.savemat(path, {"record": record})


@pytest.fixture
def tree(tmp_path):
    """A release with three classes that have pictures, and the rows that it must give."""
    rng = np.random.default_rng(0)
    rows = []
    for name in ("bus", "aeroplane", "train"):
        for split, count in (("train", 9), ("val", 5)):
            stems = [f"n{k:05d}_{split}" for k in rng.permutation(99)[:count]]
            listing = tmp_path / "Image_sets" / f"{name}_imagenet_{split}.txt"
            touch(listing, "".join(f"{stem}\n" for stem in stems))
            for stem in stems:
                angles = int(rng.integers(0, 36)) * 10, int(rng.integers(-9, 10)) * 10
                first = (name, (1, 1, 5.5, 4), *angles)
                annotate(
                    tmp_path / "Annotations" / f"{name}_imagenet" / f"{stem}.mat",
                    [first, (name, (2, 2, 3, 3), 10, 10)][: 1 + stem.startswith("n0001")],
                )
                path = f"Images/{name}_imagenet/{stem}.JPEG"
                touch(tmp_path / path)
                rows.append((path, 0, *first))
        for stem in ("2008_000002", "2008_000001"):
            objects = [
                (name, (0, 0, 4, 3), 20, 5),
                ("person", (1, 1, 3, 3), None, None),
                (name, (1, 1, 3, 3), None, None),
                (name, (1, 1, 3, 3), (), ()),
                (name, (2, 0, 8, 6), 200, 5),
            ]
            annotate(tmp_path / "Annotations" / f"{name}_pascal" / f"{stem}.mat", objects)
            touch(tmp_path / f"Images/{name}_pascal/{stem}.jpg")
        for stem in ("2008_000001", "2008_000002"):
            path = f"Images/{name}_pascal/{stem}.jpg"
            rows.append((path, 0, name, (0, 0, 4, 3), 20, 5))
            rows.append((path, 4, name, (2, 0, 8, 6), 200, 5))
    return tmp_path, sorted(rows, key=lambda row: row[2])  # stable: classes by name


def by_set(data):
    groups = {}
    for name, instance in zip(data.labels["set"], data.labels["instance"], strict=True):
        groups.setdefault(str(name), []).append(str(instance))
    return sorted(groups.values())


def test_rows_are_keyed_by_file_and_object(tree):
    folder, rows = tree
    data = open_dataset(f"pascal3d-instance-part:{folder}")
    assert data.labels["instance"].tolist() == [f"{path}#{k}" for path, k, *_ in rows]
    assert data.labels["path"].tolist() == [path for path, *_ in rows]
    assert data.labels["class"].tolist() == [row[2] for row in rows]
    assert data.labels["azimuth"].tolist() == [row[4] for row in rows]
    assert data.labels["elevation"].tolist() == [row[5] for row in rows]
    assert data.boxes is not None
    assert data.boxes.tolist() == [list(map(float, row[3])) for row in rows]
    assert len(set(data.labels["path"])) < len(data) == len(set(data.labels["instance"]))


def test_sets_of_instances_seen_alike(tree):
    folder, rows = tree
    data = open_dataset(f"pascal3d-instance-part:{folder}")
    groups = {}
    for path, number, name, _, azimuth, elevation in rows:
        key = (name, (azimuth % 180) // 30, (elevation % 90) // 30)
        groups.setdefault(key, []).append(f"{path}#{number}")
    assert by_set(data) == sorted(groups.values())
    assert set(data.labels["factor"]) == {"instance"}


def test_sets_of_instances_from_unlike_sides(tree):
    folder, rows = tree
    data = open_dataset(f"pascal3d-viewpoint-part:{folder}")
    groups, seen = {}, Counter()
    for path, number, name, _, azimuth, _ in rows:
        side = (name, (azimuth % 180) // 30)
        groups.setdefault((name, seen[side]), []).append(f"{path}#{number}")
        seen[side] += 1
    assert by_set(data) == sorted(groups.values())
    assert max(map(len, groups.values())) <= 6
    assert set(data.labels["factor"]) == {"instance and viewpoint"}


def test_the_authors_list_of_pascal_is_used_where_it_lies(tree):
    folder, _ = tree
    touch(folder / "Image_sets" / "bus_pascal.txt", "2008_000002 4\n2008_000001 0\n")
    data = open_dataset(f"pascal3d-instance-part:{folder}")
    found = [name for name in data.labels["instance"] if "bus_pascal" in name]
    assert found == [f"Images/bus_pascal/2008_00000{k}.jpg#{n}" for k, n in ((2, 4), (1, 0))]
    for line, said in (
        ("2008_000001 5", "has 5 objects and no object 5"),
        ("2008_000001 1", "Object 1 of .* lacks a box or a coarse viewpoint"),
        ("2008_000001", "give a picture and an object"),
        ("2008_000001 x", "give a picture and an object"),
        ("../../secret 0", "no plain name"),
    ):
        touch(folder / "Image_sets" / "bus_pascal.txt", f"{line}\n")
        with pytest.raises(VidclError, match=said):
            open_dataset(f"pascal3d-instance-part:{folder}")


def test_an_object_is_cropped(tree):
    folder, rows = tree
    k = next(k for k, row in enumerate(rows) if row[1] == 4)
    picture(folder / rows[k][0], size=(7, 9))
    source = image_source(open_dataset(f"pascal3d-viewpoint-part:{folder.parent / folder.name}"))
    assert source.image(k).shape == (6, 5, 3)  # the box ends beyond the picture


def test_what_is_missing_is_named(tree, monkeypatch):
    folder, rows = tree
    with pytest.raises(VidclError, match=r"Cannot read .*bicycle_imagenet_train\.txt"):
        open_dataset(f"pascal3d-instance:{folder}")
    monkeypatch.setattr("vidcl.datasets.pascal3d.CLASSES", ("aeroplane", "bus", "train"))
    assert len(open_dataset(f"pascal3d-instance:{folder}")) == len(rows)
    (folder / rows[0][0]).unlink()
    with pytest.raises(VidclError, match=f"lacks {rows[0][0]}: .*pascal3d-viewpoint-part:"):
        open_dataset(f"pascal3d-viewpoint:{folder}")
    assert len(open_dataset(f"pascal3d-viewpoint-part:{folder}")) == len(rows) - 1
    (folder / "Images").rename(folder / "Pictures")
    with pytest.raises(VidclError, match=r"There is no folder .*/Images: put the Annotations"):
        open_dataset(f"pascal3d-instance-part:{folder}")


def test_a_broken_annotation_is_named(tree):
    folder, rows = tree
    stem = rows[0][0].split("/")[-1].removesuffix(".JPEG")
    annotation = folder / "Annotations" / "aeroplane_imagenet" / f"{stem}.mat"
    whole = annotation.read_bytes()
    for data in (b"", b"text", whole[:300], whole[:130] + b"\xff" * 60 + whole[190:]):
        annotation.write_bytes(data)
        with pytest.raises(VidclError, match=f"{stem}.mat") as caught:
            open_dataset(f"pascal3d-instance-part:{folder}")
        assert "\n" not in str(caught.value)
    scipy_io.savemat(annotation, {"record": {"objects": 3}})
    with pytest.raises(VidclError, match="lacks a box"):
        open_dataset(f"pascal3d-instance-part:{folder}")
    annotate(annotation, [("aeroplane", (4, 1, 4, 3), 0, 0)])
    with pytest.raises(VidclError, match="has an empty box"):
        open_dataset(f"pascal3d-instance-part:{folder}")


def test_without_scipy_it_says_what_to_install(tree, monkeypatch):
    folder, _ = tree
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(VidclError, match=r"pip install 'vidcl\[datasets\]'"):
        open_dataset(f"pascal3d-instance-part:{folder}")


def test_there_are_the_twelve_classes():
    assert len(CLASSES) == 12 and list(CLASSES) == sorted(CLASSES)
