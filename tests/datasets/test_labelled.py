"""Labelled sets: what is written is read back, and what is wrong is said."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from vidcl.datasets.labelled import open_labelled_set, write_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation.images import decode_image, image_source


def pictures(count=5, size=6, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def write(path, images, name="wild"):
    count = len(images)
    labels = {
        "instance": np.array([f"object {k % 2}" for k in range(count)]),
        "azimuth": np.linspace(0, 350, count),
        "step": np.arange(count),
    }
    write_labelled_set(path, name, images, labels)
    return labels


def test_round_trip_is_exact(tmp_path):
    images = pictures()
    labels = write(tmp_path / "wild.parquet", images)
    data = open_labelled_set(tmp_path / "wild.parquet")
    assert data.name == "wild" and len(data) == 5
    for name, values in labels.items():
        assert np.array_equal(data.labels[name], values)
    for k in range(5):
        assert np.array_equal(decode_image(data.read(k), str(k)), images[k])
    assert not list(tmp_path.glob(".*"))


def test_content_hash_knows_images_and_labels(tmp_path):
    images = pictures()
    write(tmp_path / "a.parquet", images)
    write(tmp_path / "b.parquet", images, name="other name")
    changed = images.copy()
    changed[2, 0, 0, 0] ^= 1
    write(tmp_path / "c.parquet", changed)
    write_labelled_set(tmp_path / "d.parquet", "d", images, {"instance": np.arange(5)})
    hashes = [open_labelled_set(tmp_path / f"{k}.parquet").content_hash() for k in "abcd"]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_subset_keeps_images_with_their_labels(tmp_path):
    images = pictures()
    write(tmp_path / "a.parquet", images)
    part = open_labelled_set(tmp_path / "a.parquet").subset(np.array([3, 1]))
    assert part.labels["step"].tolist() == [3, 1] and len(part) == 2
    assert np.array_equal(decode_image(part.read(1), ""), images[1])


def test_a_folder_gives_class_and_path(tmp_path):
    for name in ("cup/one/a.png", "cup/b.PNG", "dog/c.jpg", "d.png", ".hidden/e.png"):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures(1)[0]).save(file)
    (tmp_path / "photos" / "notes.txt").write_text("not a picture")
    data = open_labelled_set(tmp_path / "photos")
    assert data.labels["path"].tolist() == ["cup/b.PNG", "cup/one/a.png", "d.png", "dog/c.jpg"]
    assert data.labels["class"].tolist() == ["cup", "cup", "", "dog"]
    assert data.name == "photos"


def test_grey_and_transparent_images_become_rgb(tmp_path):
    Image.new("L", (4, 3), 7).save(tmp_path / "a.png")
    Image.new("RGBA", (2, 2), (1, 2, 3, 0)).save(tmp_path / "b.png")
    source = image_source(tmp_path)
    assert source.image(0).shape == (3, 4, 3) and source.image(0).max() == 7
    assert source.image(1)[0, 0].tolist() == [1, 2, 3]


def test_an_unreadable_image_is_named(tmp_path):
    (tmp_path / "cup").mkdir()
    Image.fromarray(pictures(1, 32)[0]).save(tmp_path / "cup" / "good.png")
    whole = (tmp_path / "cup" / "good.png").read_bytes()
    (tmp_path / "cup" / "torn.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "cup" / "zero.jpg").write_bytes(b"")
    source = image_source(tmp_path)
    source.image(0)
    with pytest.raises(VidclError, match=r"cup/torn\.png"):
        source.image(1)
    with pytest.raises(VidclError, match=r"cup/zero\.jpg"):
        source.image(2)


def test_wrong_input_gets_one_sentence(tmp_path):
    with pytest.raises(VidclError, match="There is no image set at"):
        open_labelled_set(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(VidclError, match="There is no image"):
        open_labelled_set(tmp_path / "empty")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(VidclError, match="is not a labelled set"):
        open_labelled_set(tmp_path / "text.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "x.parquet")
    with pytest.raises(VidclError, match="no column 'image'"):
        open_labelled_set(tmp_path / "x.parquet")
    pq.write_table(pa.table({"image": pa.array([], pa.binary())}), tmp_path / "none.parquet")
    with pytest.raises(VidclError, match="holds no images"):
        open_labelled_set(tmp_path / "none.parquet")
    pq.write_table(pa.table({"image": [b"x"], "y": pa.array([None], "string")}), tmp_path / "n.pq")
    with pytest.raises(VidclError, match="empty values"):
        open_labelled_set(tmp_path / "n.pq")


def test_writing_refuses_other_shapes_and_lengths(tmp_path):
    with pytest.raises(VidclError, match="uint8"):
        write_labelled_set(tmp_path / "a", "a", np.zeros((2, 4, 4, 3)), {})
    with pytest.raises(VidclError, match="3 values for 2 images"):
        write_labelled_set(tmp_path / "a", "a", pictures(2), {"x": np.arange(3)})
    with pytest.raises(VidclError, match="taken"):
        write_labelled_set(tmp_path / "a", "a", pictures(2), {"image": np.arange(2)})
    assert not list(tmp_path.iterdir())


@pytest.mark.real_data
def test_a_real_folder_of_photographs(real_data):
    folder = real_data / "multiview" / "eth80"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    data = open_labelled_set(folder)
    assert {"cup", "dog"} <= set(data.labels["class"]) and len(data) > 1000
    assert image_source(data).image(len(data) - 1).shape[2] == 3
