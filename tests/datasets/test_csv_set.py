"""Sets named by a CSV file."""

import numpy as np
import pytest

from tests.datasets.trees import picture
from vidcl.datasets.csv_set import label_column, open_csv
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source


@pytest.fixture
def folder(tmp_path):
    for k, name in enumerate(("a/one.png", "a/two, too.png", "three.png")):
        picture(tmp_path / name, value=k, size=(8, 6))
    return tmp_path


def csv(folder, text, name="set.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_columns_become_labels_and_numbers_numbers(folder):
    text = (
        "path,class,azimuth,weight,code\n"
        "three.png,cup,-5,1e-2,007\n"
        "\n"
        '"a/two, too.png", dog ,10,2,1x\n'
        "a/one.png,cup,5,.5,3\n"
    )
    data = open_csv(csv(folder, text))
    assert data.name == "set" and data.boxes is None
    assert data.labels["path"].tolist() == ["three.png", "a/two, too.png", "a/one.png"]
    assert data.labels["class"].tolist() == ["cup", "dog", "cup"]
    assert data.labels["azimuth"].tolist() == [-5, 10, 5]
    assert data.labels["azimuth"].dtype == np.int64
    assert data.labels["weight"].tolist() == [0.01, 2, 0.5]
    assert data.labels["code"].tolist() == ["007", "1x", "3"]
    source = image_source(data)
    assert [int(source.image(k)[0, 0, 0]) for k in range(3)] == [2, 1, 0]


def test_what_is_a_number():
    assert label_column(["1", "+2", "-03"]).tolist() == [1, 2, -3]
    assert label_column(["1", "2.0"]).dtype == np.float64
    for words in (["nan"], ["inf"], ["1_0"], ["0x1"], ["1", ""], ["1e9999"], ["1,5"], ["--1"]):
        assert label_column(words).tolist() == words
    huge = "9" * 19  # does not fit int64
    assert label_column([huge]).tolist() == [1e19]


def test_boxes_crop_and_are_no_labels(folder):
    text = "path,x0,y0,x1,y1,id\nthree.png,0,0,3.5,2,1\nthree.png,2,1,8,6,2\n"
    data = open_csv(csv(folder, text))
    assert set(data.labels) == {"path", "id"}
    assert data.boxes is not None and data.boxes.tolist() == [[0, 0, 3.5, 2], [2, 1, 8, 6]]
    source = image_source(data)
    assert [source.image(k).shape for k in range(2)] == [(2, 4, 3), (5, 6, 3)]


def test_a_spreadsheets_mark_and_line_ends_do_no_harm(folder):
    (folder / "set.csv").write_bytes(b"\xef\xbb\xbfpath,class\r\nthree.png,caf\xc3\xa9\r\n")
    assert open_csv(folder / "set.csv").labels["class"].tolist() == ["café"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path\nnone.png\n", r"Line 2 of .* 'none\.png', and there is no such file"),
        ("path\nthree.png\n../set.csv\n", r"Line 3 of .* leaves the folder"),
        ("path\n/etc/passwd\n", r"Line 2 of .* leaves the folder"),
        ("path\na\n", r"Line 2 .* no such file"),
        pytest.param(f"path\n{'a' * 999}\n", "Line 2 .* no such file", id="long"),
        ("path,class\nthree.png,\n", r"Line 2 .* no value for 'class'"),
        ("path,class\n,cup\n", r"Line 2 .* no value for 'path'"),
        ("path,class\nthree.png\n", r"Line 2 .* has 1 cells for 2 columns"),
        ("path,class\nthree.png,a,b\n", r"Line 2 .* has 3 cells for 2 columns"),
        ("file,class\nthree.png,a\n", r"no column 'path' \(columns: file, class\)"),
        ("path,a,a\nthree.png,1,2\n", "Two columns"),
        ("path,feature\nthree.png,1\n", "Rename the column 'feature'"),
        ("path,\nthree.png,1\n", "Rename the column ''"),
        ("path,x0,y0\nthree.png,1,2\n", "only the box columns x0, y0"),
        ("path,x0,y0,x1,y1\nthree.png,1,2,3,x\n", "Line 2 .* 'x' as y1: give a number"),
        ("path,x0,y0,x1,y1\nthree.png,1,2,1,4\n", "box on line 2 .* is empty"),
        ("path\n", "names no image"),
        ("", "names no image"),
        ('path\n"three.png\n', "Cannot read .* as CSV"),
        ("path\nthree\0.png\n", "Line 2 of .* leaves the folder"),
    ],
)
def test_a_bad_line_is_named(folder, text, said):
    with pytest.raises(VidclError, match=said) as caught:
        open_csv(csv(folder, text))
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_refused(folder):
    (folder / "set.csv").write_bytes(b"path\n\xff\xfe\n")
    with pytest.raises(VidclError, match="save it as UTF-8"):
        open_csv(folder / "set.csv")
    with pytest.raises(VidclError, match="Cannot read"):
        open_csv(folder / "nowhere.csv")
