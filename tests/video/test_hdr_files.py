"""High dynamic range in files: mapped by its tags, or refused with a reason."""

from pathlib import Path

import numpy as np
import pytest

from tests.video.encode import encode
from tests.video.hdr_reference import HLG, PQ, flat, grey_code, slow_map
from vidcl.video.errors import VideoError
from vidcl.video.probe import probe
from vidcl.video.reader import VideoReader


@pytest.mark.parametrize("tags", [PQ, HLG])
def test_a_file_is_mapped_by_its_tags(tmp_path: Path, tags: dict[str, int]) -> None:
    signals = (0.0, 0.2, 0.4, 0.58, 0.75)
    pictures = [flat(grey_code(signal), tags) for signal in signals]
    path = encode(
        tmp_path / "a.mp4",
        pictures,
        codec="libx265",
        pixel_format="yuv420p10le",
        tags=tags,
        options={"x265-params": "log-level=none", "crf": "4"},
    )
    info = probe(path)
    assert info.hdr
    assert (info.color_space, info.primaries) == ("bt2020nc", "bt2020")
    assert info.transfer == ("smpte2084" if tags is PQ else "arib-std-b67")
    transfer = "pq" if tags is PQ else "hlg"
    with VideoReader(path, max_side=32) as reader:
        shown = [frame.image for frame in reader.frames()]
    for image, signal in zip(shown, signals, strict=True):
        expected = slow_map(np.full(3, signal), transfer)
        assert np.abs(image - expected).max() <= 3


def test_hdr_that_cannot_be_mapped_is_refused(tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none", "preset": "ultrafast"}
    picture = flat(grey_code(0.5), {})
    for number, tags in enumerate(
        [PQ | {"color_primaries": 8}, PQ | {"colorspace": 14}, HLG | {"colorspace": 10}]
    ):
        path = encode(
            tmp_path / f"{number}.mkv",
            [picture],
            codec="libx265",
            pixel_format="yuv420p10le",
            tags=tags,
            options=options,
        )
        with pytest.raises(VideoError, match=r"BT\.709") as caught:
            probe(path)
        assert caught.value.kind == "hdr"


def test_dolby_vision_without_a_base_is_refused(tmp_path: Path) -> None:
    """Profile 5 has its own name in the container and no colour tags."""
    path = tmp_path / "a.mp4"
    options = {"x265-params": "log-level=none", "preset": "ultrafast"}
    for tags, refused in (({}, True), (PQ, False)):
        encode(
            path,
            [flat(grey_code(0.5), {})],
            codec="libx265",
            pixel_format="yuv420p10le",
            tags=tags,
            options=options,
        )
        data = path.read_bytes()
        name = b"hev1" if b"hev1" in data else b"hvc1"
        path.write_bytes(data.replace(name, b"dvhe" if name == b"hev1" else b"dvh1"))
        if refused:
            with pytest.raises(VideoError, match="Dolby Vision") as caught:
                probe(path)
            assert caught.value.kind == "hdr"
        else:
            assert probe(path).hdr


def test_mastering_data_without_a_transfer_function_is_refused(tmp_path: Path) -> None:
    params = "log-level=none:hdr10=1:max-cll=1000,400"
    params += ":master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    path = encode(
        tmp_path / "a.mkv",
        [flat(grey_code(0.5), {})],
        codec="libx265",
        pixel_format="yuv420p10le",
        options={"x265-params": params, "preset": "ultrafast"},
    )
    with pytest.raises(VideoError, match="mastering data") as caught:
        probe(path)
    assert caught.value.kind == "hdr"
