"""Data sets by what a user writes."""

import os

import numpy as np
import pytest

from tests.datasets.trees import picture, touch
from vidcl.datasets.labelled import write_labelled_set
from vidcl.datasets.registry import KINDS, named_dataset, open_dataset
from vidcl.errors import VidclError


@pytest.fixture
def folder(tmp_path):
    for name in ("cup/one/a.png", "cup/two/a.png", "dog/one/a.png"):
        picture(tmp_path / "photos" / name)
    touch(tmp_path / "photos" / "some.csv", "path,size\ndog/one/a.png,3\n")
    write_labelled_set(
        tmp_path / "one.parquet", "stored", np.zeros((1, 4, 4, 3), np.uint8), {"class": ["a"]}
    )
    return tmp_path / "photos"


def test_a_path_is_opened_by_what_it_is(folder):
    assert len(open_dataset(folder)) == len(open_dataset(str(folder))) == 3
    assert open_dataset(folder / "some.csv").labels["size"].tolist() == [3]
    assert open_dataset(folder.parent / "one.parquet").name == "stored"


def test_a_kind_chooses_the_reader(folder):
    data = open_dataset(f"instances:{folder}")
    assert data.labels["instance"].tolist() == ["cup/one", "cup/two", "dog/one"]
    assert "instance" not in open_dataset(f"folder:{folder}").labels
    assert len(open_dataset(f"parquet:{folder.parent / 'one.parquet'}")) == 1
    assert len(open_dataset(f"csv:{folder / 'some.csv'}")) == 1


def test_a_path_with_a_colon_is_a_path(folder):
    odd = folder.rename(folder.parent / "instances:photos")
    assert "instance" not in open_dataset(str(odd)).labels
    assert "instance" not in open_dataset(odd).labels


def test_a_set_is_named(folder):
    name, data = named_dataset(f"wild:{folder}")
    assert name == data.name == "wild" and "instance" not in data.labels
    name, data = named_dataset(f"instances:{folder}")
    assert name == data.name == "instances" and "instance" in data.labels
    name, data = named_dataset(f"mine=instances:{folder}")
    assert name == data.name == "mine" and "instance" in data.labels


@pytest.mark.parametrize("kind", ["instance", "Instances", "instanecs-part"])
def test_an_unknown_kind_is_answered_with_the_nearest(folder, kind):
    with pytest.raises(VidclError, match=f"kind of data set '{kind}' .*'instances'"):
        open_dataset(f"{kind}:{folder}")
    with pytest.raises(VidclError, match=f"kind of data set '{kind}' .*'instances'"):
        named_dataset(f"a={kind}:{folder}")


def test_wrong_words_get_one_sentence(folder):
    for word in ("photos", ":photos", "a:", "a=folder:"):
        with pytest.raises(VidclError, match="Give "):
            named_dataset(word)
    for name in ("a b", "../a", "a/b", ".a", "<b>", ""):
        with pytest.raises(VidclError, match="plain name"):
            named_dataset(f"{name}:{folder}")
    with pytest.raises(VidclError, match="There is no image set at"):
        open_dataset(folder / "nowhere")
    with pytest.raises(VidclError, match="There is no image set at /no/such:place"):
        open_dataset("/no/such:place")
    with pytest.raises(VidclError, match="There is no image set at"):
        open_dataset("a" * 999)
    with pytest.raises(VidclError, match="There is no folder"):
        open_dataset(f"eth80:{'a' * 999}")
    with pytest.raises(VidclError, match="leave '-part' out"):
        open_dataset(f"folder-part:{folder}")
    with pytest.raises(VidclError, match="There is no folder"):
        open_dataset(f"folder:{folder / 'some.csv'}")


def test_a_name_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "cup").mkdir()
    with open(os.fsencode(tmp_path / "cup") + b"/\xff.png", "wb"):
        pass
    for spec in (str(tmp_path), f"instances:{tmp_path}"):
        with pytest.raises(VidclError, match=r"Rename the file 'cup/\\udcff\.png'"):
            open_dataset(spec)


def test_every_kind_has_one_line_and_says_what_is_missing(tmp_path):
    for name, kind in KINDS.items():
        assert kind.description and "\n" not in kind.description
        for opener in filter(None, (kind.open, kind.open_part)):
            with pytest.raises(VidclError, match=str(tmp_path / "nowhere")) as caught:
                opener(tmp_path / "nowhere")
            assert "\n" not in str(caught.value), name
