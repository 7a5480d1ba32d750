"""The summary counts what is there; the contact sheet shows it."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from tests.tracks.test_extraction_run import run
from vidcl.errors import VidclError
from vidcl.tracks.crops import CropConfig, Cropper
from vidcl.tracks.extraction.outcome import outcome_path
from vidcl.tracks.extraction.plan_file import read_plan, write_plan
from vidcl.tracks.inspect import contact_sheet, summarize, write_contact_sheet
from vidcl.tracks.store_schema import TrackRow
from vidcl.tracks.store_writer import shard_path, write_shard
from vidcl.tracks.summary import _quantile
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


@pytest.fixture
def extracted(tmp_path):
    """A store of six files, two of them with a fault, and its folder of files."""
    folder, out = tmp_path / "videos", tmp_path / "store"
    folder.mkdir()
    for k in range(6):
        words = {2: "fault corrupt", 4: "fault timeout"}.get(k, f"words {k}")
        (folder / f"{k}.mp4").write_text(words)
    run([folder], out)
    return folder, out


def test_the_summary_tells_how_far_the_extraction_is(extracted):
    _, out = extracted
    plan = read_plan(out)
    assert plan is not None and plan.shard_count == 5
    assert "  shards      5 of 5\n" in summarize(out)
    for left in (shard_path(out, 1), outcome_path(out, 3)):  # either of the two files
        left.unlink()
    text = summarize(out)
    assert "  shards      3 of 5; run its extract command again to finish\n" in text
    write_plan(out, plan.merged([0, 1])[0])  # an emptied shard is none that is missing
    assert "  shards      3 of 4; run" in summarize(out)


def test_the_summary_names_faults_by_kind_and_the_slowest_files(extracted):
    folder, out = extracted
    for number, seconds in ((0, 3.0), (4, 70.25)):
        path = outcome_path(out, number)
        text = path.read_text()
        at = text.index('"seconds": ') + len('"seconds": ')
        path.write_text(text[:at] + str(seconds) + text[text.index(",", at) :])
    run([folder], out)
    lines = summarize(out).splitlines()
    assert "  files       6: 4 ok, 2 failed" in lines
    assert f"    fault corrupt: 1, the first: {folder / '2.mp4'}: corrupt." in lines
    assert f"    fault timeout: 1, the first: {folder / '4.mp4'}: timeout." in lines
    slowest = next(line for line in lines if line.startswith("  slowest "))
    assert "5.mp4 70.2 s, 0.mp4 3.0 s, " in slowest


def test_a_store_under_way_has_a_summary(extracted):
    _, out = extracted
    (out / "videos.parquet").unlink()
    (out / "plan.parquet").unlink()
    text = summarize(out)
    assert "  shards      5\n" in text and "files" not in text


def test_quantiles_of_counts_are_those_of_the_values():
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 7, 100):
        values = rng.integers(0, 12, size)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            found = _quantile(Counter(values.tolist()), share)
            assert found == pytest.approx(np.quantile(values, share))
