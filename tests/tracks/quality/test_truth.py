"""Reading true boxes."""

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.tracks.given import GivenBoxes, GivenObject
from vidcl.tracks.quality.truth import TruthRows, TruthTimes, is_known, is_present, read_rows


def write(tmp_path, text):
    path = tmp_path / "groundtruth.txt"
    path.write_text(text)
    return path


def test_rows_may_be_separated_by_commas_tabs_or_blanks(tmp_path):
    path = write(tmp_path, "1,2,3,4\n1\t2\t3\t4\n1 2 3 4\n\n")
    np.testing.assert_array_equal(read_rows(path), [[1, 2, 4, 6]] * 3)


def test_otb_counts_pixels_from_one(tmp_path):
    np.testing.assert_array_equal(
        read_rows(write(tmp_path, "1,1,10,20\n"), first_pixel=1), [[0, 0, 10, 20]]
    )


def test_of_a_polygon_the_box_around_it_counts(tmp_path):
    path = write(tmp_path, "5,1,9,4,6,8,2,5\n")
    np.testing.assert_array_equal(read_rows(path), [[2, 1, 9, 8]])


@pytest.mark.parametrize("first_pixel", [0, 1])
def test_unknown_and_absent_are_told_apart(tmp_path, first_pixel):
    boxes = read_rows(write(tmp_path, "nan,nan,nan,nan\n0,0,0,0\n4,4,2,2\n"), first_pixel)
    np.testing.assert_array_equal(is_known(boxes), [False, True, True])
    np.testing.assert_array_equal(is_present(boxes), [False, False, True])
    np.testing.assert_array_equal(boxes[1], np.zeros(4))


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "is empty"), ("1,2,3,x\n", ":1: '1,2,3,x' is not"), ("1,2,3,4\n1,2\n", ":2 has 2")],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, says):
    with pytest.raises(VidclError) as caught:
        read_rows(write(tmp_path, text))
    assert "groundtruth.txt" in str(caught.value)
    assert says in str(caught.value)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(VidclError, match="Cannot read the true boxes"):
        read_rows(tmp_path / "none.txt")


def test_frames_past_the_last_line_are_unknown():
    truth = TruthRows(np.array([[1.0, 2, 3, 4]]))
    np.testing.assert_array_equal(truth.at(0, 0.0), [[1, 2, 3, 4]])
    assert not is_known(truth.at(1, 0.1)).any()


def test_of_boxes_with_times_hidden_and_outside_is_absent():
    times = np.array([1.0, 2.0, 3.0])
    boxes = np.array([[0.0, 0, 10, 10], [10, 0, 20, 10], [20, 0, 30, 10]])
    thing = GivenObject("a", times, boxes, np.array([True, True, False]))
    truth = TruthTimes(GivenBoxes((thing,)))
    np.testing.assert_allclose(truth.at(7, 1.5), [[5, 0, 15, 10]])
    for time in (0.0, 3.0, 9.0):
        np.testing.assert_array_equal(truth.at(0, time), np.zeros((1, 4)))
    assert truth.names == ("a",)
