"""Idx files: what they hold, and what is said of files that are something else."""

import gzip
import struct

import numpy as np
import pytest

from vidcl.datasets.mnist import open_mnist, read_idx, train_and_test
from vidcl.errors import VidclError


def idx(values):
    """The bytes of an idx file, by its definition."""
    head = b"\0\0\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(np.uint8).tobytes()


def pair(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 5, 4)), rng.integers(0, 10, count)


def write(folder, images, labels, names=("images-idx3-ubyte", "labels-idx1-ubyte")):
    for name, values in zip(names, (images, labels), strict=True):
        data = idx(values)
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("joint", ["-", "."])
def test_a_single_pair(tmp_path, joint, ending):
    images, labels = pair(7)
    write(tmp_path, images, labels, [f"images{joint}idx3-ubyte{ending}",
                                     f"labels{joint}idx1-ubyte{ending}"])  # fmt: skip
    found = open_mnist(tmp_path)
    assert list(found) == ["all"]
    assert (found["all"].images == images).all() and found["all"].images.dtype == np.uint8
    assert (found["all"].labels == labels).all() and found["all"].labels.dtype == np.int64
    train, test = train_and_test(tmp_path, 4, 3)
    assert (train.images == images[:4]).all() and (train.labels == labels[:4]).all()
    assert (test.images == images[4:]).all() and (test.labels == labels[4:]).all()


@pytest.mark.parametrize("test", ["t10k", "test"])
def test_two_pairs(tmp_path, test):
    drawn = {"train": pair(6, 1), test: pair(3, 2)}
    for prefix, (images, labels) in drawn.items():
        write(tmp_path, images, labels,
              [f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte"])  # fmt: skip
    found = open_mnist(tmp_path)
    assert (found["train"].images == drawn["train"][0]).all()
    assert (found["test"].labels == drawn[test][1]).all()
    known, asked = train_and_test(tmp_path, 5, 3)
    assert (known.images == drawn["train"][0][:5]).all()
    assert (asked.images == drawn[test][0]).all()


def test_shuffled_pictures_keep_their_labels_and_do_not_repeat(tmp_path):
    images, labels = pair(40)
    write(tmp_path, images, labels)
    label_of = {
        image.astype(np.uint8).tobytes(): label for image, label in zip(images, labels, strict=True)
    }
    first = train_and_test(tmp_path, 30, 10, np.random.default_rng(3))
    seen = [image.tobytes() for part in first for image in part.images]
    assert sorted(seen) == sorted(label_of) and seen != list(label_of)
    for part in first:
        assert [label_of[image.tobytes()] for image in part.images] == part.labels.tolist()
    again = train_and_test(tmp_path, 30, 10, np.random.default_rng(3))
    assert all((a.images == b.images).all() for a, b in zip(first, again, strict=True))


def test_values_of_any_number_of_axes(tmp_path):
    values = np.arange(24).reshape(2, 3, 2, 2)
    (tmp_path / "x").write_bytes(idx(values))
    assert (read_idx(tmp_path / "x") == values).all()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[:-1], "5 x 5 x 4 values and holds 99"),
        (lambda data: data + b"\0", "holds 101"),
        (lambda data: data[:9], "within its header"),
        (lambda data: b"", "begins with nothing"),
        (lambda data: b"\0\0\x0d" + data[3:], "no idx file of unsigned bytes"),
        (lambda data: b"PK" + data[2:], "no idx file"),
    ],
)
def test_a_file_that_is_no_idx_file_is_a_sentence(tmp_path, damage, says):
    path = tmp_path / "images-idx3-ubyte"
    path.write_bytes(damage(idx(pair(5)[0])))
    with pytest.raises(VidclError, match=says) as told:
        read_idx(path)
    assert str(path) in str(told.value)


def test_damaged_gzip_is_a_sentence(tmp_path):
    whole = gzip.compress(idx(pair(200)[0]))
    path = tmp_path / "images-idx3-ubyte.gz"
    middle = bytearray(whole)
    middle[len(whole) // 2] ^= 0xFF
    for data in (whole[: len(whole) // 2], b"no gzip", bytes(middle)):
        path.write_bytes(data)
        with pytest.raises(VidclError, match="Cannot read"):
            read_idx(path)


def test_what_does_not_fit_together_is_a_sentence(tmp_path):
    images, labels = pair(5)
    with pytest.raises(VidclError, match="no folder"):
        open_mnist(tmp_path / "nowhere")
    with pytest.raises(VidclError, match="holds no idx files"):
        open_mnist(tmp_path)
    (tmp_path / "images-idx3-ubyte").write_bytes(idx(images))
    with pytest.raises(VidclError, match="has images-idx3-ubyte and no labels"):
        open_mnist(tmp_path)
    write(tmp_path, images, labels[:4])
    with pytest.raises(VidclError, match=r"5 images and .* 4 labels"):
        open_mnist(tmp_path)
    write(tmp_path, images[:, 0], labels)
    with pytest.raises(VidclError, match="three axes"):
        open_mnist(tmp_path)
    write(tmp_path, images, labels)
    with pytest.raises(VidclError, match="1 pictures to test on, not 2"):
        train_and_test(tmp_path, 4, 2)
    with pytest.raises(VidclError, match="at least one picture"):
        train_and_test(tmp_path, 4, 0)
    write(tmp_path, images, labels, ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
    with pytest.raises(VidclError, match="with and without a prefix"):
        open_mnist(tmp_path)


@pytest.mark.real_data
def test_mnist_itself(real_data):
    train, test = train_and_test(real_data / "mnist", 6000, 1000)
    assert train.images.shape == (6000, 28, 28) and test.images.shape == (1000, 28, 28)
    counts = np.bincount(np.concatenate([train.labels, test.labels]))
    assert len(counts) == 10 and counts.min() > 600
    # ones are thin, zeros are not
    ink = [train.images[train.labels == digit].mean() for digit in range(10)]
    assert np.argmin(ink) == 1 and np.argmax(ink) == 0
