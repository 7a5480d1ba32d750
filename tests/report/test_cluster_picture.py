"""Painted clusters: every location has its cluster's colour, and the sheet is the same again."""

import io

import numpy as np
import pytest
from PIL import Image

from vidcl.errors import VidclError
from vidcl.report.cluster_picture import GAP, HEAD, cluster_colours, cluster_picture, painted


def test_colours_are_all_different_and_the_first_stay():
    colours = cluster_colours(64).astype(int)
    apart = np.abs(colours[:, None] - colours[None]).sum(2) + 1000 * np.eye(64, dtype=int)
    assert apart.min() > 8
    first = apart[:9, :9]
    assert first.min() > 80
    np.testing.assert_array_equal(cluster_colours(12), colours[:12])


def test_every_location_has_the_colour_of_its_cluster():
    assignments = np.random.default_rng(0).integers(0, 5, (4, 6))
    picture = painted(assignments, 24)
    colours = cluster_colours(5)
    for y in range(24):
        for x in range(24):
            assert (picture[y, x] == colours[assignments[y // 6, x // 4]]).all()


def test_the_image_shows_through():
    image = np.full((8, 8, 3), 200, np.uint8)
    assignments = np.array([[0, 1], [2, 3]])
    plain = painted(assignments, 8).astype(float)
    mixed = painted(assignments, 8, image=image, blend=0.25)
    np.testing.assert_allclose(mixed, 0.75 * plain + 0.25 * 200, atol=1)
    np.testing.assert_array_equal(painted(assignments, 8, image=image, blend=1.0), image)
    with pytest.raises(VidclError, match="between 0 and 1"):
        painted(assignments, 8, image=image, blend=1.5)


def test_the_sheet_has_images_and_columns_in_their_places():
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    columns = {
        "layer1": generator.integers(0, 4, (3, 8, 8)),
        "a heading far too long for its column": generator.integers(0, 4, (3, 4, 4)),
    }
    data = cluster_picture(images, columns, side=32)
    assert data == cluster_picture(images, columns, side=32)
    sheet = np.asarray(Image.open(io.BytesIO(data)))
    assert sheet.shape == (HEAD + GAP + 3 * (32 + GAP), GAP + 3 * (32 + GAP), 3)

    def place(row, column):
        top, left = HEAD + GAP + row * (32 + GAP), GAP + column * (32 + GAP)
        return sheet[top : top + 32, left : left + 32]

    for row in range(3):
        np.testing.assert_array_equal(place(row, 0), images[row].repeat(2, 0).repeat(2, 1))
        for column, assignments in enumerate(columns.values(), start=1):
            np.testing.assert_array_equal(place(row, column), painted(assignments[row], 32))
    gaps = sheet[HEAD + GAP :, [GAP + 32 + 1, GAP + 32 + GAP + 32 + 1]]
    assert len(np.unique(gaps.reshape(-1, 3), axis=0)) == 1  # headings stay above


def test_a_column_of_another_length_is_refused():
    images = np.zeros((2, 4, 4, 3), np.uint8)
    with pytest.raises(VidclError, match="a map for each"):
        cluster_picture(images, {"layer1": np.zeros((3, 2, 2), int)})
    with pytest.raises(VidclError, match="at least one image"):
        cluster_picture(images[:0], {})
