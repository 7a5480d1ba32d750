"""Boxes of a picture under a checkpoint: the right crops, in any process, and in a store."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tracks.clips import square_clip, texture
from vidcl.commands import extract
from vidcl.errors import VidclError
from vidcl.methods.moco import MoCo
from vidcl.models.checkpoint import load_encoder, save_checkpoint
from vidcl.models.config import ModelConfig
from vidcl.models.encoder import Architecture, Preprocessing
from vidcl.models.regions import RegionEncoder, region_crop
from vidcl.models.tower import Tower
from vidcl.tracks.crops import CropConfig, Cropper, cut_replicated
from vidcl.tracks.extraction.videos import read_videos
from vidcl.tracks.store import open_store
from vidcl.video.writer import write_video

BOXES = np.array([[10.0, 10, 40, 70], [-20, 30, 25.4, 60.2], [100, 80, 190, 140], [5, 5, 5.2, 5.3]])


def write_run(folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    method = MoCo(Tower(ModelConfig(backbone="resnet_tiny")), 128, K=8, m=0.9, T=0.1)
    save_checkpoint(
        folder / "checkpoints" / "last.pt",
        step=7,
        method=method,
        architecture=Architecture("resnet_tiny"),
        preprocessing=Preprocessing(32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        config="seed: 0\n",
    )
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run"), seed=0)


def test_crops_are_those_of_a_store() -> None:
    picture = texture(0, 120, 160)
    cropper = Cropper(CropConfig(margin=1.15))
    for box in BOXES:
        x0, y0, x1, y1 = (int(value) for value in cropper(picture, box).crop_box)
        stored = cut_replicated(picture, (x0, y0, x1, y1))
        assert np.array_equal(region_crop(picture, box, 1.15), stored)
    inside = region_crop(picture, np.array([20.0, 30, 40, 50]), 1.5)
    assert np.array_equal(inside, picture[25:55, 15:45])
    beyond = region_crop(picture, np.array([-10.0, -10, 10, 10]), 1.0)
    assert np.array_equal(beyond[10:, 10:], picture[:10, :10])
    assert (beyond[:10, :10] == picture[0, 0]).all()


def test_features_are_those_of_crops_one_by_one(run: Path) -> None:
    picture = texture(1, 120, 160)
    encoder = load_encoder(run)
    expected = []
    for box in BOXES:
        crop = torch.from_numpy(region_crop(picture, box, 1.15)).permute(2, 0, 1)[None]
        with torch.no_grad():
            expected.append(encoder(encoder.preprocess(crop))[0].numpy())
    for batch_size in (1, 3, 64):
        embed = RegionEncoder(run, batch_size=batch_size, device="cpu")
        got = embed(picture, BOXES)
        assert got.dtype == np.float32 and got.shape == (4, 128)
        assert np.allclose(got, expected, atol=1e-5)
    assert embed(picture, BOXES[:0]).shape == (0, 128)


def test_the_threads_of_the_process_stay(run: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        RegionEncoder(run, device="cpu")(texture(1, 60, 60), BOXES)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_pickled_one_is_a_path(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = texture(1, 120, 160)
    monkeypatch.chdir(run.parent)
    embed = RegionEncoder(run.name, device="cpu")
    data = pickle.dumps(embed)
    assert len(data) < 2000
    monkeypatch.chdir(tmp_path)
    again = pickle.loads(data)
    assert again.name == embed.name
    assert np.array_equal(again(picture, BOXES), embed(picture, BOXES))
    assert RegionEncoder(run / "checkpoints" / "last.pt").name == embed.name


def test_other_and_changed_checkpoints_are_noticed(run: Path, tmp_path: Path) -> None:
    changing = write_run(tmp_path / "changing", seed=0)
    embed = RegionEncoder(changing, device="cpu")
    copy = pickle.loads(pickle.dumps(embed))
    write_run(changing, seed=1)
    assert RegionEncoder(changing).name != embed.name
    with pytest.raises(VidclError, match="has changed since"):
        copy(texture(0, 60, 60), BOXES)
    with pytest.raises(VidclError, match="no checkpoint at"):
        RegionEncoder(tmp_path / "nothing")


def test_extract_links_by_a_checkpoint(run: Path, tmp_path: Path) -> None:
    frames, _ = square_clip(12, camera=0)
    write_video(tmp_path / "clip.mkv", np.stack([frame.image for frame in frames]), rate=12)
    words = [
        *(str(tmp_path / "clip.mkv"), "--out", str(tmp_path / "store"), "--engine", "local"),
        *("--workers", "1", "--follow.proposer", "grid", "--follow.max-regions", "2"),
        *("--crop.canvas", "16"),
    ]
    link = ["--follow.tracker", "link", "--link-encoder", str(run)]
    assert extract.run([*words, *link]) == 0
    row = read_videos(tmp_path / "store").to_pylist()[0]
    assert row["status"] == "ok", row["error"]
    store = open_store(tmp_path / "store")
    kinds, trackers = store.column("kind"), store.column("tracker")
    assert [t for k, t in zip(kinds, trackers, strict=True) if k == "region"] == ["link", "link"]
    with pytest.raises(VidclError, match="link_encoder"):
        extract.run([*words, "--follow.tracker", "link"])
    with pytest.raises(VidclError, match=r"needs --follow\.tracker link"):
        extract.run([*words, "--link-encoder", str(run)])
