"""Every decoder gives the reference's frames, or refuses a file by name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.video.backend_checks import check_against, check_pictures, read_reference, refused
from tests.video.backend_child import Child
from tests.video.backend_clips import BROKEN, CLIPS
from tests.video.backend_refusals import REFUSALS
from tests.video.encode import bar_frames
from vidcl.video.backends.packets import scan_packets
from vidcl.video.open import backend_version

SIDE = 64


@pytest.mark.parametrize("name", CLIPS)
def test_a_decoder_conforms_or_refuses(
    child: Child, clips: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    path = clips(name)
    answer = child.ask(path, tmp_path / "frames.npy", SIDE, timeout=60)
    words = REFUSALS[child.backend].get(name)
    if words is not None:
        assert refused(answer, words, path), f"take it off the list if it conforms: {answer}"
        return
    assert "times" in answer, answer
    assert answer["backend"] == backend_version(child.backend)
    reference = read_reference(path, SIDE)
    check_against(child.backend, path, reference, answer, np.load(tmp_path / "frames.npy"))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_never_whole(
    child: Child, clips: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    answer = child.ask(clips(name), tmp_path / "frames.npy", SIDE, timeout=60)
    assert answer.get("kind") in ("refused", "corrupt", "truncated"), answer
    if child.backend != "pyav":
        assert "late" not in answer, "salvage is promised for PyAV alone"


def test_a_packet_that_is_cut_short_is_named(
    child: Child, clips: Callable[[str], Path], tmp_path: Path
) -> None:
    """What the container knows to be damaged is not given without a mark."""
    path = clips("damaged_packet.mp4")
    assert scan_packets(path).damaged == 1
    answer = child.ask(path, tmp_path / "frames.npy", SIDE, timeout=60)
    if child.backend != "pyav":
        assert refused(answer, "1 of its packets are damaged", path)


def test_concealed_damage_stops_no_decoder(
    child: Child, clips: Callable[[str], Path], tmp_path: Path
) -> None:
    """Which frames are damaged only the reference knows; the others must outlive the file."""
    answer = child.ask(clips("damaged.mp4"), tmp_path / "frames.npy", SIDE, timeout=60)
    if child.backend == "pyav":
        assert answer["corrupt"] > 0
    assert "died" not in answer and "hung" not in answer
    after = child.ask(clips("h264_baseline.mp4"), tmp_path / "frames.npy", SIDE, timeout=60)
    assert len(after["times"]) == 40


def test_each_refusal_is_of_a_clip(child: Child) -> None:
    assert set(REFUSALS[child.backend]) <= set(CLIPS)


def test_a_wrong_answer_is_found() -> None:
    """The comparison itself: a frame too late, other colours, a still that cannot be told."""
    pictures = np.stack(bar_frames(40))
    check_pictures(pictures, pictures, 0.0)
    check_pictures(np.clip(pictures, 1, 254) - 1, pictures, 2.0)
    swapped = pictures[[0, 2, 1, *range(3, 40)]]
    with pytest.raises(AssertionError, match="frame 1 is rather 2"):
        check_pictures(swapped, pictures, 255.0)
    with pytest.raises(AssertionError, match="levels off"):
        check_pictures(255 - pictures, pictures, 6.0)
    still = np.stack([pictures[0]] * 3)
    check_pictures(still, still, 0.0)
