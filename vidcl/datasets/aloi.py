"""ALOI (Geusebroek et al., 2005): 1000 objects under turning, moving light and light of one colour.

Each archive of half-size pictures (``aloi_red2_view``, ``aloi_red2_ill``, ``aloi_red2_col``)
unpacks to ``png2/<object>/``; all may lie in one such folder, since the names differ.
A transformation set is one object (Purushwalkam & Gupta, 2020), which is its own class.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidcl.datasets.labelled_set import LabelledSet, set_of_files, text_path
from vidcl.datasets.layout import check_each, check_whole, folders_in, images_in, need_folder
from vidcl.errors import VidclError

#: Objects are numbered from 1.
OBJECTS = 1000


@dataclass(frozen=True)
class Series:
    """One of the three series of pictures.

    Attributes:
        kind: what a user writes.
        factor: what changes within a set.
        archive: where the pictures come from.
        views: pictures of each object.
        ending: pattern of their names, after ``<object>_`` and before ``.png``.
    """

    kind: str
    factor: str
    archive: str
    views: int
    ending: str


#: 5-degree steps; 8 lights seen by each of 3 cameras; 12 colour temperatures.
VIEWPOINT = Series("aloi-viewpoint", "viewpoint", "aloi_red2_view", 72, r"r(0|[1-9]\d*)")
DIRECTION = Series(
    "aloi-illumination-direction",
    "illumination direction",
    "aloi_red2_ill",
    24,
    r"l[1-8]c[1-3]",
)
COLOUR = Series(
    "aloi-illumination-colour",
    "illumination colour",
    "aloi_red2_col",
    12,
    r"i\d{3}",
)
#: Endings of all pictures: the three series', and those of the stereo pictures.
_ENDINGS = (VIEWPOINT.ending, DIRECTION.ending, COLOUR.ending, "[clr]")
#: What archives of half, quarter and full size unpack to.
_UNPACKED = ("png2", "png4", "png")


def open_aloi(path: str | Path, series: Series, *, partial: bool = False) -> LabelledSet:
    """One series of ALOI.

    Args:
        path: the folder with the objects' folders ``1`` to ``1000``, or the one with ``png2``
            (``png4``, ``png``).
        partial: accept what is there, however little.

    Returns:
        Labels ``path``, ``instance`` and ``class`` (both the object's number as text), ``factor``
        and ``factor_value``: the angle of the turntable in degrees (also as ``azimuth``), the light
        and camera (``l1c1``), or the number of the colour temperature (110 to 250).

    Raises:
        VidclError: pictures are missing, or one is named unlike those of ALOI.
    """
    wanted = f"put the folders 1 to {OBJECTS} of {series.archive} there"
    folder = need_folder(path, wanted)
    folder = next((folder / name for name in _UNPACKED if (folder / name).is_dir()), folder)
    objects = sorted(
        (child for child in folders_in(folder) if re.fullmatch(r"[1-9]\d{0,3}", child.name)),
        key=lambda child: int(child.name),
    )
    rows: list[tuple[str, str, str]] = []
    counts: list[tuple[str, int]] = []
    for child in objects:
        views = _views(child, series)
        counts.append((f"Object {child.name}", len(views)))
        rows += [(text_path(file, folder), child.name, value) for file, value in views]
    if not rows:
        raise VidclError(f"{folder} holds no picture of {series.archive}: {wanted}.")
    if not partial:
        check_whole(len(objects), OBJECTS, "objects of ALOI", folder, series.kind)
        check_each(counts, series.views, f"pictures of {series.archive}", folder, series.kind)
    paths, names, values = (np.asarray(column, dtype=str) for column in zip(*rows, strict=True))
    labels = {
        "path": paths,
        "instance": names,
        "class": names,
        "factor": np.full(len(rows), series.factor),
        "factor_value": values if series is DIRECTION else values.astype(np.float64),
    }
    if series is VIEWPOINT:
        labels["azimuth"] = values.astype(np.float64)
    return set_of_files(series.kind, folder, labels)


def _views(folder: Path, series: Series) -> list[tuple[Path, str]]:
    """Pictures of one object in this series, and what their names say of the factor."""
    views = []
    for file in images_in(folder):
        ending = file.name.removeprefix(f"{folder.name}_").removesuffix(".png")
        known = file.name == f"{folder.name}_{ending}.png"
        if not known or not any(re.fullmatch(pattern, ending) for pattern in _ENDINGS):
            raise VidclError(
                f"{file} is not named like a picture of ALOI ({folder.name}_r45.png, "
                f"{folder.name}_l1c1.png, {folder.name}_i110.png): take it away."
            )
        if re.fullmatch(series.ending, ending):
            views.append((file, ending.lstrip("ri")))
    return views
