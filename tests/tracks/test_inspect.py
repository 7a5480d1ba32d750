"""The summary counts what is there; the contact sheet shows it."""

import numpy as np
import pytest
from PIL import Image

from vidcl.errors import VidclError
from vidcl.tracks.crops import CropConfig, Cropper
from vidcl.tracks.inspect import contact_sheet, summarize, write_contact_sheet
from vidcl.tracks.store_schema import TrackRow
from vidcl.tracks.store_writer import shard_path, write_shard
from vidcl.tracks.track import SCORES, Track


@pytest.fixture
def store(tmp_path):
    cropper = Cropper(CropConfig(canvas=16, margin=1.0))
    image = np.zeros((60, 80, 3), np.uint8)
    image[:, :40] = (250, 0, 0)
    rows = []
    for number in range(6):
        length = number + 1
        boxes = np.tile(np.array([[0, 0, 40, 20]], np.float32), (length, 1))
        crop = cropper(image, boxes[0])
        track = Track(
            kind="frame" if number == 0 else "region",
            proposer="frame" if number == 0 else "grid",
            tracker="static",
            shot=0,
            times=np.arange(length, dtype=np.float32) / 4,
            boxes=boxes,
            crop_boxes=boxes,
            crops=[crop.jpeg] * length,
            sizes=np.tile(np.array([[40, 20]], np.uint16), (length, 1)),
            end_reason="cut" if number % 2 else "lost",
            scores={name: np.ones(length, np.float32) for name in SCORES},
        )
        split = "test" if number == 5 else "train"
        changes = np.zeros(length, np.float32)
        rows.append(
            TrackRow(f"v-0000-{number:05d}", "v", "/x/clip.mp4", split, 0.25, changes, track)
        )
    write_shard(shard_path(tmp_path, 0), rows, {"canvas": 16})
    return tmp_path


def test_the_summary_counts(store):
    text = summarize(store)
    assert "6 with 21 crops" in text
    assert "end_reason  cut 3, lost 3" in text or "end_reason  lost 3, cut 3" in text
    assert "split       train 5, test 1" in text
    line = next(line for line in text.splitlines() if "proposer grid" in line)
    assert "5 tracks, median 4 crops" in line and "longest 6" in line and "change 0.25" in line


def test_the_sheet_shows_crops_in_their_true_aspect(store):
    sheet = contact_sheet(store, np.random.default_rng(0), tracks=4, steps=3, side=40)
    pixels = np.asarray(sheet).astype(int)
    red = (pixels[:, :, 0] > 200) & (pixels[:, :, 1] < 60)
    columns = np.flatnonzero(red.any(0))
    assert columns[0] == 250 and columns[-1] < sheet.width
    first = np.flatnonzero(red[:, 260])
    strips = np.split(first, np.flatnonzero(np.diff(first) > 1) + 1)
    assert len(strips) == 4 and {len(strip) for strip in strips} == {20}  # 40 x 20, not 40 x 40


def test_same_seed_same_sheet_and_it_is_a_png(store, tmp_path):
    for name in ("a.png", "b.png"):
        write_contact_sheet(store, tmp_path / name, np.random.default_rng(3), tracks=3)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert Image.open(tmp_path / "a.png").format == "PNG"


def test_a_store_without_tracks_has_a_summary_but_no_sheet(tmp_path):
    write_shard(shard_path(tmp_path, 0), [], {"canvas": 16})
    assert "Track store" in summarize(tmp_path)
    with pytest.raises(VidclError, match="holds no tracks"):
        contact_sheet(tmp_path, np.random.default_rng(0))
