"""Readers of other decoders: sizes, closing, what is missing, what is not there."""

import importlib.util
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.video.encode import bar_frames, encode
from vidcl.errors import VidclError
from vidcl.video.errors import VideoError
from vidcl.video.open import backend_version, open_video

BACKENDS = ("pyav", "decord", "torchcodec")
OTHERS = BACKENDS[1:]


def installed(backend: str) -> bool:
    return importlib.util.find_spec("av" if backend == "pyav" else backend) is not None


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("sides", "size"), [({"max_side": 32}, (24, 32)), ({}, (48, 64))])
def test_sizes_are_the_references(
    tmp_path: Path, backend: Any, sides: dict[str, int], size: tuple[int, int]
) -> None:
    if not installed(backend):
        pytest.skip(f"{backend} is not installed")
    path = encode(tmp_path / "a.mp4", bar_frames(5))
    with open_video(path, backend=backend, **sides) as reader:
        shapes = {frame.image.shape for frame in reader.frames()}
    assert shapes == {(*size, 3)}


@pytest.mark.parametrize("backend", OTHERS)
def test_a_reader_closes_and_reads_again(tmp_path: Path, backend: Any) -> None:
    if not installed(backend):
        pytest.skip(f"{backend} is not installed")
    path = encode(tmp_path / "a.mp4", bar_frames(30))
    with open_video(path, backend=backend) as reader:
        running = reader.frames()
        next(running)
        assert reader.result.reason == "limit"
        again = [frame.time for frame in reader.frames(start=1.0)]
        assert list(running) == []
        reader.close()
        assert [frame.time for frame in reader.frames(start=1.0)] == again
        assert reader.result.reason == "end"
        list(reader.frames(end=0.5))
        assert reader.result.reason == "limit"
        with pytest.raises(ValueError, match="sort"):
            list(reader.at([1.0, 0.5]))
        assert list(reader.at([])) == []


@pytest.mark.parametrize("backend", OTHERS)
def test_a_missing_extra_says_what_to_install(
    tmp_path: Path, backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode(tmp_path / "a.mp4", bar_frames(5))
    monkeypatch.setitem(sys.modules, backend, None)
    with pytest.raises(VidclError, match=rf"pip install 'vidcl\[{backend}\]'"):
        open_video(path, backend=backend)

    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(VidclError, match=rf"pip install 'vidcl\[{backend}\]'"):
        backend_version(backend)


def test_torchcodec_without_ffmpeg_names_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its import succeeds without FFmpeg, for the picture decoders' sake."""
    (tmp_path / "torchcodec").mkdir()
    (tmp_path / "torchcodec" / "__init__.py").write_text("ffmpeg_major_version = None\n")
    (tmp_path / "torchcodec" / "decoders.py").write_text("")
    path = encode(tmp_path / "a.mp4", bar_frames(5))
    code = (
        "import sys\nfrom vidcl.video.open import open_video\n"
        f"try:\n    open_video({str(path)!r}, backend='torchcodec')\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("VidclError ")
    assert "apt install ffmpeg" in run.stdout and "conda install ffmpeg" in run.stdout


def test_an_unknown_decoder_is_a_programming_error(tmp_path: Path) -> None:
    unknown: Any = "quicktime"
    with pytest.raises(ValueError, match="'pyav', 'decord', 'torchcodec'"):
        open_video(tmp_path / "a.mp4", backend=unknown)
    with pytest.raises(ValueError, match="quicktime"):
        backend_version(unknown)


@pytest.mark.parametrize("backend", OTHERS)
def test_a_file_that_is_no_video_fails_as_with_the_reference(tmp_path: Path, backend: Any) -> None:
    if not installed(backend):
        pytest.skip(f"{backend} is not installed")
    path = tmp_path / "a.mp4"
    path.write_bytes(b"words " * 100)
    with pytest.raises(VideoError) as caught:
        open_video(path, backend=backend)
    assert caught.value.kind == "not_video"
