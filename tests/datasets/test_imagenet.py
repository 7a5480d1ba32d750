"""ImageNet's folders, on few pictures."""

import pytest

from tests.datasets.trees import picture, touch
from vidcl.datasets import imagenet
from vidcl.datasets.imagenet import open_imagenet100
from vidcl.datasets.registry import open_dataset
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source

WNIDS = [f"n{k:08d}" for k in range(1, 104)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """103 classes with 3 pictures to train on and 2 to validate on, the published number here."""
    monkeypatch.setattr(imagenet, "VAL_IMAGES_OF_CLASS", 2)
    monkeypatch.setattr(imagenet, "LEAST_TRAIN_IMAGES_OF_CLASS", 3)
    for wnid in WNIDS:
        for k in range(3):
            touch(tmp_path / "train" / wnid / f"{wnid}_{k}.JPEG")
        for k in range(2):
            touch(tmp_path / "val" / wnid / f"ILSVRC2012_val_{k:08d}.JPEG")
    return tmp_path


def test_pictures_have_class_and_split(folder):
    data = open_dataset(f"imagenet-part:{folder}")
    assert len(data) == 103 * 5
    for path, name, split in zip(
        *(data.labels[c] for c in ("path", "class", "split")), strict=True
    ):
        assert path.startswith(f"{split}/{name}/")
    assert data.labels["split"].tolist() == ["train"] * 309 + ["val"] * 206
    val = open_dataset(f"imagenet-part:{folder / 'val'}")
    assert len(val) == 206 and set(val.labels["split"]) == {"val"}


def test_a_picture_is_read(tmp_path):
    picture(tmp_path / "train" / "n00000001" / "n00000001_1.JPEG", value=100)
    source = image_source(open_dataset(f"imagenet-part:{tmp_path}"))
    assert abs(int(source.image(0).max()) - 100) < 3


def test_the_1000_classes_are_counted(folder):
    with pytest.raises(VidclError, match="103 of the 1000 classes of imagenet's train"):
        open_dataset(f"imagenet:{folder}")


def test_val_must_lie_in_classes(tmp_path):
    for k in range(3):
        touch(tmp_path / "val" / f"ILSVRC2012_val_{k:08d}.JPEG")
    for kind in ("imagenet", "imagenet-part", "imagenet100"):
        with pytest.raises(VidclError, match="sort them into a folder per class"):
            open_dataset(f"{kind}:{tmp_path}")


def test_100_classes_are_those_of_the_list(folder):
    with pytest.raises(VidclError, match="103 classes of imagenet100's train, which has 100"):
        open_dataset(f"imagenet100:{folder}")
    chosen = WNIDS[3:]
    touch(folder / "imagenet100.txt", "\n".join(chosen))
    data = open_dataset(f"imagenet100:{folder}")
    assert sorted(set(data.labels["class"])) == chosen and len(data) == 500
    assert len(open_dataset(f"imagenet100:{folder / 'val'}")) == 200
    other = touch(folder.parent / "list.txt", "\n".join(WNIDS[:100]))
    assert set(open_imagenet100(folder, classes=other).labels["class"]) == set(WNIDS[:100])


def test_holes_in_100_classes_are_named(folder):
    touch(folder / "imagenet100.txt", "\n".join(WNIDS[:100]))
    (folder / "val" / WNIDS[7] / "ILSVRC2012_val_00000001.JPEG").unlink()
    with pytest.raises(VidclError, match=f"val/{WNIDS[7]} of .* has 1 of 2 pictures"):
        open_dataset(f"imagenet100:{folder}")
    (folder / "train" / WNIDS[8] / f"{WNIDS[8]}_1.JPEG").unlink()
    with pytest.raises(VidclError, match=f"train/{WNIDS[8]} of .* has 2 of 3 pictures, the least"):
        open_dataset(f"imagenet100:{folder}")
    assert len(open_dataset(f"imagenet100-part:{folder}")) == 498


@pytest.mark.parametrize("lines", [WNIDS[:99], [*WNIDS[:99], WNIDS[0]], [*WNIDS[:99], "../x"], []])
def test_a_list_that_is_none_is_refused(folder, lines):
    touch(folder / "imagenet100.txt", "\n".join(lines))
    with pytest.raises(VidclError, match=r"imagenet100\.txt must name 100 classes"):
        open_dataset(f"imagenet100-part:{folder}")


def test_an_empty_folder_says_what_to_put_there(tmp_path):
    with pytest.raises(VidclError, match="holds no picture of ImageNet: put train/ and val/"):
        open_dataset(f"imagenet:{tmp_path}")
