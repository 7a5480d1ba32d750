"""GOT-10k (Huang, Zhao & Huang, 2019), train: occlusion sets as Purushwalkam & Gupta (2020) draw.

A video's ``cover.label`` says of each frame how much of the object is visible, in 9 levels from 0
(nothing) to 8. A video is kept if its levels lie at least 4 apart; of each level that occurs one
frame is drawn; these frames, cropped to the object, are a transformation set. The draws are those
of the authors' code: one generator, seeded with 1992, asked once per level, levels ascending, over
the videos in order. So a part of the set draws other frames than the whole of it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidcl.datasets.labelled_set import LabelledSet, set_of_files
from vidcl.datasets.layout import check_whole, folders_in, need_folder, read_lines
from vidcl.errors import VidclError

VIDEOS = 9335
#: Least difference between a video's most and least visible frame, in levels.
RANGE = 4
SEED = 1992
KIND = "got10k-occlusion"
_FILES = ("groundtruth.txt", "cover.label", "absence.label", "meta_info.ini")
_WANTED = "put the folders GOT-10k_Train_000001 to GOT-10k_Train_009335 there"
_VIDEO = re.compile(r"GOT-10k_Train_\d{6}")


@dataclass(frozen=True)
class Video:
    """What the files beside a video's frames say.

    Attributes:
        object_class: with ``_`` for spaces, as the authors write it.
        size: (width, height) of the frames in pixels; None where it is not said.
        boxes: float [T, 4], left, top, right, bottom in pixels.
        cover, absent: int [T].
    """

    object_class: str
    size: tuple[int, int] | None
    boxes: np.ndarray
    cover: np.ndarray
    absent: np.ndarray


def open_got10k(path: str | Path, *, partial: bool = False) -> LabelledSet:
    """The occlusion sets of GOT-10k's training videos; no frame is opened.

    A drawn frame whose box has no part in the picture is left out of its set, which does not
    change the other draws.

    Args:
        path: the folder with the videos' folders, or the one with ``train``. Videos are taken in
            the order of its ``list.txt``, or by name where there is none.
        partial: accept what is there: videos that are not there or lack a file are passed over.

    Returns:
        Labels ``path``, ``instance`` and ``set`` (both the video), ``class``, ``factor``
        (``occlusion``), ``factor_value`` (level of visibility, 0 to 8) and ``absent`` (1 where the
        object is out of the picture); boxes are the object's.

    Raises:
        VidclError: videos, their files or a drawn frame are missing, a file does not read, or no
            video is kept.
    """
    folder = need_folder(path, _WANTED)
    if (folder / "train").is_dir():
        folder = folder / "train"
    names = _videos(folder, partial)
    generator = np.random.RandomState(SEED)  # the stream of np.random.seed(1992)
    rows: list[tuple[str, str, str, int, int]] = []
    boxes: list[np.ndarray] = []
    for name in names:
        video = _read_video(folder / name)
        levels = np.unique(video.cover)
        if levels[-1] - levels[0] < RANGE:
            continue
        for level in levels:
            frame = int(generator.choice(np.flatnonzero(video.cover == level)))
            if not _shows(video.boxes[frame], video.size):
                continue
            image = f"{name}/{frame + 1:08d}.jpg"
            if not (folder / image).is_file():
                raise VidclError(f"{folder} lacks the frame {image}: unpack {name} again.")
            rows.append((image, name, video.object_class, int(level), int(video.absent[frame])))
            boxes.append(video.boxes[frame])
    if not rows:
        raise VidclError(
            f"No video of {folder} has levels of visibility that lie {RANGE} apart: give more of "
            f"GOT-10k's training set."
        )
    images, videos, classes, visible, absent = zip(*rows, strict=True)
    labels = {
        "path": np.asarray(images, dtype=str),
        "instance": np.asarray(videos, dtype=str),
        "set": np.asarray(videos, dtype=str),
        "class": np.asarray(classes, dtype=str),
        "factor": np.full(len(rows), "occlusion"),
        "factor_value": np.asarray(visible, dtype=np.float64),
        "absent": np.asarray(absent, dtype=np.int64),
    }
    return set_of_files(KIND, folder, labels, np.asarray(boxes))


def _videos(folder: Path, partial: bool) -> list[str]:
    """Names of the videos to read, in order."""
    there = [child.name for child in folders_in(folder) if _VIDEO.fullmatch(child.name)]
    if not there:
        raise VidclError(f"{folder} holds no video of GOT-10k: {_WANTED}.")
    lacks = {
        name: [file for file in _FILES if not (folder / name / file).is_file()] for name in there
    }
    whole = {name for name in there if not lacks[name]}
    if not partial:
        check_whole(len(there), VIDEOS, "videos of GOT-10k's training set", folder, KIND)
        for name in there:
            if lacks[name]:
                raise VidclError(
                    f"{folder / name} lacks {', '.join(lacks[name])}: unpack it again, or give "
                    f"{KIND}-part:{folder} to pass over such videos."
                )
    listing = folder / "list.txt"
    order = read_lines(listing) if listing.is_file() else there
    unlisted = sorted(set(there) - set(order))
    if unlisted or len(set(order)) < len(order):
        what = f"does not name {unlisted[0]}" if unlisted else "names a video twice"
        raise VidclError(f"{listing} {what}: take it as it comes with GOT-10k.")
    return [name for name in order if name in whole]


def _read_video(folder: Path) -> Video:
    pairs = [line.partition(":") for line in read_lines(folder / "meta_info.ini")]
    facts = {name.strip(): value.strip() for name, _, value in pairs}
    if not facts.get("object_class"):
        raise VidclError(f"{folder / 'meta_info.ini'} names no object_class: unpack it again.")
    size = re.fullmatch(r"\((\d+), *(\d+)\)", facts.get("resolution", ""))
    corners = _numbers(folder / "groundtruth.txt", 4)
    cover = _numbers(folder / "cover.label", 1)[:, 0]
    absent = _numbers(folder / "absence.label", 1)[:, 0]
    if not len(corners) == len(cover) == len(absent):
        raise VidclError(
            f"{folder} has {len(corners)} boxes, {len(cover)} levels of visibility and "
            f"{len(absent)} marks of absence: unpack it again."
        )
    corners[:, 2:] += corners[:, :2]  # left, top, width, height in the file
    return Video(
        facts["object_class"].replace(" ", "_"),
        (int(size[1]), int(size[2])) if size else None,
        corners,
        cover.astype(np.int64),
        absent.astype(np.int64),
    )


def _numbers(path: Path, columns: int) -> np.ndarray:
    """float64 [T, columns]; labels are whole numbers."""
    lines = read_lines(path)
    try:
        values = np.asarray([[float(word) for word in line.split(",")] for line in lines])
        fits = values.ndim == 2 and values.shape[1] == columns
    except ValueError:  # a word that is no number, or lines of unlike length
        fits = False
    if not fits or (columns == 1 and (values != np.floor(values)).any()):
        raise VidclError(
            f"{path} must hold {columns} {'whole ' if columns == 1 else ''}numbers a line: unpack "
            f"it again."
        )
    return values


def _shows(box: np.ndarray, size: tuple[int, int] | None) -> bool:
    """Some of the picture lies in the box."""
    width, height = size or (np.inf, np.inf)
    left, top = np.maximum(box[:2], 0)
    right, bottom = np.minimum(box[2:], (width, height))
    return bool(np.isfinite(box).all() and left < right and top < bottom)
