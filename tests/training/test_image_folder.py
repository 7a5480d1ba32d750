"""A folder of images as training data: ImageNet's oddities, broken files, the same as a store."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.test_train import quiet
from vidcl.cli import main
from vidcl.config import parse_config
from vidcl.datasets.labelled import write_labelled_set
from vidcl.errors import VidclError
from vidcl.tracks.store import TrackStore
from vidcl.training.config import TrainConfig
from vidcl.training.crops import Crops
from vidcl.training.image_folder import ImageFolder, open_training_data
from vidcl.training.loop import train
from vidcl.training.metrics import read_metrics
from vidcl.training.pairs import PairBatch


def picture(number: int, size: tuple[int, int] = (60, 40)) -> Image.Image:
    generator = np.random.default_rng(number)
    coarse = generator.integers(0, 255, (3, 4, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """One image six times: plain, grey, CMYK, turned by EXIF, PNG named JPEG, and as PNG."""
    image = picture(0)
    image.save(tmp_path / "a.jpg", quality=95)
    image.convert("L").save(tmp_path / "b.JPEG", quality=95)
    image.convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned clockwise
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "d.jpg", quality=95, exif=exif)
    image.save(tmp_path / "e.jpg", "PNG")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    image.save(tmp_path / "deep" / "er" / "f.png")
    (tmp_path / ".hidden.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_odd_images_decode_to_the_same_picture(odd: Path) -> None:
    data = open_training_data(odd)
    assert isinstance(data, ImageFolder)
    names = ["a.jpg", "b.JPEG", "c.jpg", "d.jpg", "deep/er/f.png", "e.jpg"]
    assert [data.track_id(row) for row in range(len(data))] == names
    assert all(data.sizes(row).tolist() == [[60, 40]] for row in range(6))
    rows = np.arange(6)
    pairs = PairBatch(rows, np.zeros((6, 2), np.int64), rows * 0, rows * 0.0)
    crops = Crops(data, rows, torch.device("cpu"), 0)
    images, _ = crops.finish(crops.read(pairs))
    exact = images[4].float()
    grey = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1).mul(exact).sum(0)
    for row, name in enumerate(names):
        other = images[row].float()
        error = (other.mean(0) - grey if name == "b.JPEG" else other - exact).abs().mean()
        assert error < 4, name
    assert crops.counts["pillow"] == 4  # all but the plain and the grey one


def test_it_is_chosen_only_where_there_is_no_store(odd: Path, tmp_path: Path) -> None:
    assert main(["extract", "--images", str(odd), "--out", str(tmp_path / "s")]) == 0
    assert isinstance(open_training_data(tmp_path / "s"), TrackStore)
    (tmp_path / "empty").mkdir()
    for name in ("empty", "none"):
        with pytest.raises(VidclError, match="track store"):
            open_training_data(tmp_path / name)
    data = ImageFolder(odd)
    assert len(data.select(kind=("frame", "image"), split=("train",))) == 6
    assert len(data.select(kind=("region",))) == len(data.select(split=("test",))) == 0


def test_training_reports_a_broken_image_and_goes_on(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number in range(16):
        picture(number).save(images / f"{number:02}.jpg")
    (images / "03.jpg").write_bytes((images / "03.jpg").read_bytes()[:150])
    values = {
        "method": {"K": 8},
        "model": {"backbone": "resnet_tiny", "dim": 8},
        "views": {"size": 16},
        "pairs": {"streams": [{"kind": "image"}]},
        "training": {"steps": 4, "batch_size": 4, "device": "cpu", "tensorboard": False},
    }
    with pytest.warns(UserWarning, match=r"03\.jpg.* cannot be decoded and is left out"):
        out = train(parse_config(values, TrainConfig), images, tmp_path / "run", say=quiet)
    assert np.isfinite(read_metrics(out / "metrics.jsonl")[-1]["loss"])
    values["training"]["max_bad_crops"] = 0
    with pytest.raises(VidclError, match=r"03\.jpg.*--training\.max-bad-crops"):
        train(parse_config(values, TrainConfig), images, tmp_path / "strict", say=quiet)


def test_a_labelled_set_is_trained_on_at_its_own_size(tmp_path):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (40, 20, 20, 3)).astype(np.uint8)
    write_labelled_set(tmp_path / "set.parquet", "set", images, {"class": list("ab") * 20})
    data = open_training_data(tmp_path / "set.parquet")
    assert len(data) == 40 and data.canvas == 20
    assert data.sizes(3).tolist() == [[20, 20]]
    crops = Crops(data, np.arange(40), torch.device("cpu"), 0)
    pairs = PairBatch(np.array([5, 7]), np.zeros((2, 2), int), np.zeros(2, int), np.zeros(2))
    got, _ = crops.finish(crops.read(pairs))
    expected = torch.from_numpy(images[[5, 7, 5, 7]]).permute(0, 3, 1, 2)
    assert torch.equal(got, expected)
    values = {
        "model": {"backbone": "resnet_tiny", "dim": 16},
        "views": {"size": 16},
        "training": {"steps": 2, "batch_size": 8, "tensorboard": False, "log_every": 1},
    }
    out = train(
        parse_config(values, TrainConfig), tmp_path / "set.parquet", tmp_path / "run", say=quiet
    )
    assert len(read_metrics(out / "metrics.jsonl")) == 2
    with pytest.raises(VidclError, match="no image set"):
        open_training_data(tmp_path / "other.parquet")
