"""Still images as tracks of length one."""

import io

import numpy as np
import pytest
from PIL import Image

from vidcl.errors import VidclError
from vidcl.tracks.crops import CropConfig
from vidcl.tracks.extraction.videos import read_videos
from vidcl.tracks.images import ImagesConfig, pack_images, read_image
from vidcl.tracks.store import open_store

CONFIG = ImagesConfig(crop=CropConfig(canvas=32), images_per_shard=3, workers=1)


@pytest.fixture
def folder(tmp_path):
    """Upright red over blue, 40 wide and 20 high, in many forms."""
    root = tmp_path / "images"
    upright = Image.new("RGB", (40, 20), (220, 30, 30))
    upright.paste((30, 30, 220), (0, 10, 40, 20))
    for name in ("cat", "dog/deep"):
        (root / name).mkdir(parents=True)
    upright.save(root / "cat" / "plain.jpg", quality=95)
    turned = Image.Exif()
    turned[0x0112] = 6  # shown after a quarter turn clockwise
    upright.rotate(90, expand=True).save(root / "cat" / "turned.jpg", exif=turned, quality=95)
    upright.convert("CMYK").save(root / "cat" / "print.jpg", quality=95)
    upright.convert("P").save(root / "dog" / "deep" / "palette.png")
    upright.convert("RGBA").save(root / "top.png")
    (root / "cat" / "words.jpg").write_text("only words")
    data = (root / "cat" / "plain.jpg").read_bytes()
    (root / "cat" / "half.jpg").write_bytes(data[: len(data) // 2])
    return root


def test_images_become_labelled_tracks_of_length_one(folder, tmp_path):
    report = pack_images(folder, tmp_path / "store", CONFIG)
    assert (report.tracks, report.failed, report.videos) == (5, 2, 7)
    store = open_store(tmp_path / "store")
    names = [path.rsplit("/", 1)[1] for path in store.video]
    assert dict(zip(names, store.label, strict=True)) == {
        "plain.jpg": "cat",
        "turned.jpg": "cat",
        "print.jpg": "cat",
        "palette.png": "deep",
        "top.png": None,
    }
    assert set(store.kind) == {"image"} and set(store.lengths) == {1}
    for row in range(len(store)):
        assert store.sizes(row).tolist() == [[40, 20]]
        pixels = np.asarray(Image.open(io.BytesIO(store.crop(row, 0)))).astype(int)
        assert pixels.shape == (32, 32, 3)
        assert pixels[4, 16, 0] > 180 > 90 > pixels[4, 16, 2], names[row]
        assert pixels[28, 16, 2] > 180 > 90 > pixels[28, 16, 0], names[row]


def test_unreadable_images_are_rows_and_twice_changes_nothing(folder, tmp_path):
    out = tmp_path / "store"
    report = pack_images(folder, out, CONFIG)
    assert any("2 files had a fault" in note for note in report.notes)
    faults = [row for row in read_videos(out).to_pylist() if row["error"]]
    assert {row["error"] for row in faults} == {"not_image"}
    again = pack_images(folder, out, CONFIG)
    assert again.shards_done == 0 and again.tracks == 5


def test_sixteen_bit_grey_is_scaled(tmp_path):
    values = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(8, 0)
    Image.fromarray(values).save(tmp_path / "deep.png")
    pixels, codec = read_image(tmp_path / "deep.png")
    assert codec == "png" and pixels.shape == (8, 64, 3)
    assert np.abs(pixels[0, :, 0].astype(int) - (values[0] >> 8)).max() == 0


def test_wrong_folders(tmp_path):
    with pytest.raises(VidclError, match="is not a folder"):
        pack_images(tmp_path / "gone", tmp_path / "store", CONFIG)
    (tmp_path / "empty").mkdir()
    with pytest.raises(VidclError, match="holds no file"):
        pack_images(tmp_path / "empty", tmp_path / "store", CONFIG)
    (tmp_path / "empty" / "a.png").write_text("words")
    with pytest.raises(VidclError, match="No track came out of 1 image"):
        pack_images(tmp_path / "empty", tmp_path / "store", CONFIG)


@pytest.mark.real_data
def test_real_photos(real_data, tmp_path):
    folder = real_data / "photos" / "imagenet_1perclass"
    if not folder.is_dir():
        pytest.skip("no photos")
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpeg", ".jpg"))[:20]:
        (few / path.name).symlink_to(path)
    report = pack_images(few, tmp_path / "store", ImagesConfig(workers=1))
    assert report.tracks == 20 and report.failed == 0
