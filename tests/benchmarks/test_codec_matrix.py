"""The table of codings by decoders, on a small matrix made here."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import codec_matrix
from tests.tracks.clips import texture
from tests.video.encode import encode, set_matrix
from vidcl.errors import VidclError

COUNT = 12


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("matrix")
    ground = texture(0, 96, 160, grain=12)
    frames = [np.ascontiguousarray(ground[:, 2 * k : 2 * k + 128]) for k in range(COUNT)]
    thumbs = [cv2.resize(image, (32, 24), interpolation=cv2.INTER_AREA) for image in frames]
    np.savez(folder / "ref_thumbs.npz", thumbs=np.stack(thumbs))
    encode(folder / "plain.mp4", frames, options={"crf": "12"})
    encode(folder / "turned.mp4", frames, options={"crf": "12"})
    set_matrix(folder / "turned.mp4", 0, 1, -1, 0)
    encode(folder / "stream.ts", frames, options={"crf": "12"})
    (folder / "empty.mp4").write_bytes(b"")
    pts = [k / 20 for k in range(COUNT)]
    entries = [
        {"file": "plain.mp4", "frames_decoded_pyav": COUNT, "rotation": 0, "pts": pts},
        {"file": "turned.mp4", "frames_decoded_pyav": COUNT, "rotation": -90, "pts": pts},
        {
            "file": "stream.ts",
            "frames_decoded_pyav": COUNT,
            "rotation": 0,
            "pts": [time + 1 for time in pts],
        },
        {"file": "empty.mp4", "frames_decoded_pyav": 0, "rotation": None, "pts": []},
    ]
    (folder / "manifest.json").write_text(json.dumps(entries))
    return folder


def test_the_table_says_what_each_decoder_made_of_each_file(
    matrix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, text = tmp_path / "m.json", tmp_path / "m.md"
    assert codec_matrix.main([str(matrix), "--out", str(out), "--markdown", str(text)]) == 0
    assert capsys.readouterr().out.strip() == text.read_text().strip()
    rows = {row["file"]: row for row in json.loads(out.read_text())["files"]}
    plain, turned = rows["plain.mp4"]["pyav"], rows["turned.mp4"]["pyav"]
    assert plain["frames"] == COUNT and plain["off"] < 1e-3
    assert plain["psnr"][1] > 30
    assert turned["psnr"] == pytest.approx(plain["psnr"])
    assert rows["stream.ts"]["pyav"]["off"] > 0.5, "the manifest's times are wrong on purpose"
    assert "times off by" in text.read_text()
    assert rows["empty.mp4"]["pyav"] == {
        "error": "not_video",
        "text": rows["empty.mp4"]["pyav"]["text"],
    }
    for name in ("decord", "torchcodec"):
        if name in rows["plain.mp4"]:
            assert rows["stream.ts"][name]["error"] == "refused"
            assert abs(rows["plain.mp4"][name]["psnr"][0] - plain["psnr"][0]) < 1
    assert len(text.read_text().splitlines()) == 2 + len(rows)


def test_a_picture_of_the_wrong_shape_or_frame_shows() -> None:
    own = texture(1, 24, 32)
    assert codec_matrix.psnr(own, own) == codec_matrix.IDENTICAL
    assert codec_matrix.psnr(texture(2, 24, 32), own) < 15
    assert codec_matrix.psnr(np.rot90(own), own) == 0
    noisy = own.astype(int) + 10
    assert codec_matrix.psnr(noisy.clip(0, 255).astype(np.uint8), own) == pytest.approx(28, abs=1)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VidclError, match=r"manifest\.json"):
        codec_matrix.main([str(tmp_path)])


@pytest.mark.real_data
def test_the_reference_reads_every_file_whole(real_data: Path) -> None:
    folder = real_data / "codec_matrix_blackswan"
    entries, thumbs = codec_matrix.load(folder)
    for entry in entries:
        found = codec_matrix.cell(
            codec_matrix.by_vidcl("pyav"), folder / entry["file"], entry, thumbs
        )
        if entry["frames_decoded_pyav"] == 0:
            assert "error" in found
            continue
        assert found["frames"] == entry["frames_decoded_pyav"]
        assert found["off"] < 1.5e-3
        assert ("marked" in found) == ("bitflips" in entry["file"])
        assert found["psnr"][1] > (15 if "bitflips" in entry["file"] else 30)
