"""The clips of the study: video files as they are, folders of frames encoded once."""

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.images import decode_image
from vidcl.files import write_atomic
from vidcl.tracks.extraction.sources import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from vidcl.video.writer import write_video

#: Frames per second of a folder of frames; such data sets do not say.
RATE = 30
#: x264's constant rate factor: hardly any loss.
CRF = 18
#: A folder with fewer pictures is no clip.
LEAST_FRAMES = 8


def clips_of(folders: Sequence[Path], encoded: Path) -> list[Path]:
    """Every video under ``folders``, and every folder of frames as an H.264 file in ``encoded``.

    A folder is one of frames if it holds at least eight pictures and no video; they are shown in
    the order of their names. What is encoded already is kept. Files whose content is damaged are
    given as they are: the extraction counts their faults.

    Raises:
        VidclError: a folder is missing, or there is neither a video nor a folder of frames.
    """
    found: list[Path] = []
    for root in folders:
        if not root.is_dir():
            raise VidclError(f"{root} is no folder: give --videos folders of clips.")
        files = [path for path in sorted(root.rglob("*")) if _plain(path, root)]
        videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
        filmed = {path.parent for path in videos}
        pictures: dict[Path, list[Path]] = {}
        for path in files:
            if path.suffix.lower() in IMAGE_SUFFIXES and path.parent not in filmed:
                pictures.setdefault(path.parent, []).append(path)
        found += videos
        for folder, frames in pictures.items():
            if len(frames) >= LEAST_FRAMES:
                found.append(_encoded(frames, encoded / f"{_name(folder, root)}.mp4"))
    if not found:
        names = ", ".join(map(str, folders))
        raise VidclError(f"There is neither a video nor a folder of frames in {names}.")
    return found


def _plain(path: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return path.is_file() and not hidden


def _name(folder: Path, root: Path) -> str:
    """``otb_Crossing-img`` of ROOT/otb_Crossing/img."""
    return "-".join((folder.relative_to(root) or folder).parts) or folder.name


def _encoded(frames: Sequence[Path], target: Path) -> Path:
    """The frames as a file, and beside it what they were, so that other frames make a new one."""
    facts = {"frames": [[path.name, path.stat().st_size] for path in frames], "rate": RATE}
    beside = target.with_suffix(".json")
    if target.is_file() and beside.is_file() and json.loads(beside.read_text()) == facts:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    write_video(target, _pictures(frames), rate=Fraction(RATE), crf=CRF)
    write_atomic(beside, json.dumps(facts).encode())
    return target


def _pictures(frames: Sequence[Path]) -> Iterator[np.ndarray]:
    """Frames [H, W, 3] less an odd last row or column, which yuv420p cannot hold."""
    for path in frames:
        image = decode_image(path.read_bytes(), str(path))
        height, width = (side - side % 2 for side in image.shape[:2])
        yield np.ascontiguousarray(image[:height, :width])
