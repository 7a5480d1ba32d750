"""Boxes of a set: what is cropped on decoding, and what enters a hash."""

import hashlib
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vidcl.datasets.labelled import open_labelled_set, write_labelled_set
from vidcl.datasets.labelled_set import set_of_files
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source


def a_set(folder, boxes, count=2):
    """Pictures of 8 x 6 in which pixel (x, y) is (x, y, row)."""
    for row in range(count):
        pixels = np.zeros((6, 8, 3), np.uint8)
        pixels[..., 0], pixels[..., 1] = np.arange(8)[None], np.arange(6)[:, None]
        pixels[..., 2] = row
        Image.fromarray(pixels).save(folder / f"{row}.png")
    labels = {"path": np.array([f"{row}.png" for row in range(count)])}
    return set_of_files("boxed", folder, labels, None if boxes is None else np.array(boxes, float))


def refuse(index):
    raise AssertionError(f"picture {index} was read")


def inside(x0, y0, x1, y1):
    """Slow reference: the pixels of 8 x 6 that share area with a box."""
    xs = [x for x in range(8) if x < x1 and x + 1 > x0]
    ys = [y for y in range(6) if y < y1 and y + 1 > y0]
    return [[[x, y] for x in xs] for y in ys]


@pytest.mark.parametrize(
    "box",
    [(0, 0, 8, 6), (2, 1, 5, 4), (2.3, 1.9, 4.1, 3.2), (2.2, 2.2, 2.6, 2.6), (-9, -2.5, 3.5, 99)],
)
def test_an_image_is_cropped_outwards_and_within_itself(tmp_path, box):
    source = image_source(a_set(tmp_path, [(0, 0, 8, 6), box]))
    image = source.image(1)
    assert image[..., :2].tolist() == inside(*box)
    assert (image[..., 2] == 1).all()
    assert source.image(0).shape == (6, 8, 3)


@pytest.mark.parametrize(
    "box", [(2, 1, 2, 4), (5, 1, 2, 4), (9, 0, 12, 4), (-4, 0, 0, 4), (np.nan, 0, 4, 4)]
)
def test_an_empty_box_names_its_row(tmp_path, box):
    source = image_source(a_set(tmp_path, [(0, 0, 1, 1), box]))
    source.image(0)
    with pytest.raises(VidclError, match=r"box .* 1\.png of boxed, 8 x 6, is empty"):
        source.image(1)


def test_boxes_follow_a_subset(tmp_path):
    data = a_set(tmp_path, [(0, 0, 1, 1), (1, 2, 4, 6), (0, 0, 8, 6)], count=3)
    part = data.subset(np.array([1, 0]))
    assert part.boxes is not None and part.boxes.tolist() == [[1, 2, 4, 6], [0, 0, 1, 1]]
    assert image_source(part).image(0).shape == (4, 3, 3)


def test_boxes_of_another_shape_or_type_are_refused(tmp_path):
    with pytest.raises(VidclError, match=r"float \[2, 4\]"):
        a_set(tmp_path, [(0, 0, 1, 1)])
    with pytest.raises(VidclError, match=r"float \[2, 4\], not int64"):
        replace(a_set(tmp_path, None), boxes=np.zeros((2, 4), np.int64))


def test_boxes_enter_the_hash_only_where_there_are_any(tmp_path):
    plain = a_set(tmp_path, None)
    digest = hashlib.sha256()  # as sets without boxes were hashed before there were boxes
    for row in range(2):
        digest.update(hashlib.sha256((tmp_path / f"{row}.png").read_bytes()).digest())
    digest.update(json.dumps(["path", ["0.png", "1.png"]]).encode())
    assert plain.content_hash() == digest.hexdigest()
    hashes = {plain.content_hash()}
    for boxes in ([(0, 0, 1, 1), (0, 0, 2, 2)], [(0, 0, 2, 2), (0, 0, 1, 1)]):
        boxed = a_set(tmp_path, boxes)
        hashes |= {boxed.content_hash()}
        assert image_source(boxed).content_hash() == boxed.content_hash()
        known = [hashlib.sha256(boxed.read(row)).digest() for row in range(2)]
        assert replace(boxed, read=refuse).content_hash(known) == boxed.content_hash()
    assert len(hashes) == 3


def test_a_fingerprint_knows_files_labels_and_boxes(tmp_path):
    first = a_set(tmp_path, None)
    assert first.fingerprint() == image_source(first).fingerprint()
    again = set_of_files("other name", tmp_path, first.labels)
    assert again.fingerprint() == first.fingerprint()
    seen = {first.fingerprint()}
    seen.add(replace(first, labels=first.labels | {"class": np.array([1, 2])}).fingerprint())
    seen.add(replace(first, boxes=np.ones((2, 4))).fingerprint())
    seen.add(first.subset(np.array([1, 0])).fingerprint())
    seen.add(first.subset(np.array([0])).fingerprint())
    file = tmp_path / "1.png"
    before = file.stat()
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    seen.add(first.fingerprint())
    file.write_bytes(file.read_bytes() + b"x")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    seen.add(first.fingerprint())
    assert len(seen) == 7
    file.unlink()
    with pytest.raises(VidclError, match=r"Cannot find the file .*1\.png"):
        first.fingerprint()
    with pytest.raises(VidclError, match=r"Cannot read the image .*1\.png"):
        first.read(1)


def test_a_fingerprint_reads_no_picture(tmp_path):
    data = a_set(tmp_path, None)
    assert replace(data, read=refuse).fingerprint() == data.fingerprint()
    assert replace(data, stamp=None).fingerprint() == data.content_hash()


def test_rows_of_a_parquet_file_have_fingerprints(tmp_path):
    path = tmp_path / "a.parquet"
    write_labelled_set(path, "a", np.zeros((3, 4, 4, 3), np.uint8), {"class": ["a", "a", "a"]})
    data = open_labelled_set(path)
    assert data.fingerprint() == open_labelled_set(path).fingerprint() != data.content_hash()
    assert data.subset(np.array([0])).fingerprint() != data.subset(np.array([1])).fingerprint()
    os.utime(path, ns=(0, 7))
    assert open_labelled_set(path).fingerprint() != data.fingerprint()


def test_a_source_may_be_named_by_its_kind(tmp_path):
    a_set(tmp_path, None)
    (tmp_path / "set.csv").write_text("path,x0,y0,x1,y1\n1.png,1,1,3,2\n")
    for given in (f"csv:{tmp_path / 'set.csv'}", tmp_path / "set.csv"):
        source = image_source(given)
        assert source.image(0).tolist() == [[[1, 1, 1], [2, 1, 1]]]
