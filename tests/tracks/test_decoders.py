"""An extraction with another decoder: the same tracks by and large, its name kept, never mixed."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tracks.clips import square_clip
from tests.video.encode import encode
from vidcl.cli import main
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.crops import CropConfig
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.videos import read_videos
from vidcl.tracks.preview.follower import Follower
from vidcl.tracks.store import open_store
from vidcl.video.errors import VideoError
from vidcl.video.open import backend_version

OTHERS = ["decord", "torchcodec"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Moving squares as MP4, and as a transport stream, which the others refuse."""
    folder = tmp_path_factory.mktemp("clips")
    frames = [frame.image for frame in square_clip(30)[0]]
    for name in ("a.mp4", "b.ts"):
        encode(folder / name, frames, rate=12, options={"crf": "12"})
    return folder


def extract(clips: Path, store: Path, decoder: str) -> int:
    # On a tolerance PyAV alone gives other frames.
    settings = ["--engine", "local", "--workers", "1", "--time-tolerance", "None"]
    settings += ["--follow.working-side", "96", "--decoder", decoder]
    return main(["extract", str(clips), "--out", str(store), *settings])


@pytest.fixture(scope="module")
def reference(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("reference") / "store"
    assert extract(clips, store, "pyav") == 0
    return store


def rows_of(store: Path) -> dict[str, dict[str, Any]]:
    return {Path(row["path"]).name: row for row in read_videos(store).to_pylist()}


def times_of(store: Path, video_id: str) -> list[list[float]]:
    """Times of the kept crops of each track of one file."""
    opened = open_store(store)
    rows = np.flatnonzero(opened.column("video_id") == video_id)
    return sorted(opened.times(int(row)).tolist() for row in rows)


@pytest.mark.parametrize("decoder", OTHERS)
def test_a_store_is_made_with_another_decoder(
    clips: Path, reference: Path, tmp_path: Path, decoder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if importlib.util.find_spec(decoder) is None:
        pytest.skip(f"{decoder} is not installed (pip install 'vidcl[{decoder}]')")
    store = tmp_path / "store"
    assert extract(clips, store, decoder) == 0
    rows, before = rows_of(store), rows_of(reference)
    whole, refused = rows["a.mp4"], rows["b.ts"]
    assert f"{whole['backend']} {whole['backend_version']}" == backend_version(decoder)
    assert open_store(store).metadata["backend"] == backend_version(decoder)
    assert before["a.mp4"]["backend"] == "pyav"
    assert (whole["status"], whole["frames"] > 0) == ("ok", True)
    assert (refused["status"], refused["error"]) == ("failed", "refused")
    assert "use --decoder pyav" in refused["message"]
    assert before["b.ts"]["status"] == "ok"
    # The pictures are the same to a level, and so is what is found in them.
    found, wanted = (times_of(one, whole["video_id"]) for one in (store, reference))
    assert abs(len(found) - len(wanted)) <= max(1, len(wanted) // 4)
    assert sorted(map(len, found))[-1] == sorted(map(len, wanted))[-1]

    capsys.readouterr()
    assert extract(clips, store, "pyav") == 1
    said = capsys.readouterr().err
    assert f"was made with decoder = {decoder}, not pyav" in " ".join(said.split())
    assert extract(clips, reference, decoder) == 1


def test_the_preview_decodes_as_the_extraction_does(clips: Path) -> None:
    if importlib.util.find_spec("decord") is None:
        pytest.skip("decord is not installed (pip install 'vidcl[decord]')")
    config = ExtractConfig(
        follow=FollowConfig(working_side=96), crop=CropConfig(canvas=16), decoder="decord"
    )
    with Follower(clips / "a.mp4", config).open() as reader:
        assert reader.info.backend == "decord"
    with pytest.raises(VideoError, match="use --decoder pyav"):
        Follower(clips / "b.ts", config).open()
