"""Folders of images in one's own order: classes, or classes with instances."""

from pathlib import Path

import numpy as np

from vidcl.datasets.labelled import LabelledSet, open_labelled_set
from vidcl.datasets.layout import need_folder
from vidcl.errors import VidclError


def open_folder(path: str | Path) -> LabelledSet:
    """Images at any depth: ``class`` is the first sub-folder, ``path`` the path inside the folder.

    Raises:
        VidclError: there is no folder, or no image in it.
    """
    return open_labelled_set(need_folder(path, "give one that holds images"))


def open_instances(path: str | Path) -> LabelledSet:
    """Images as ``class/instance/view.png``; sub-folders of an instance are part of it.

    Labels ``class``, ``instance`` (``class/instance``, so that equal names in two classes stay
    two things) and ``path``.

    Raises:
        VidclError: there is no folder, no image in it, or an image does not lie that deep.
    """
    data = open_folder(path)
    parts = [name.split("/") for name in data.labels["path"]]
    for part in parts:
        if len(part) < 3:
            raise VidclError(
                f"The image {'/'.join(part)} of {path} does not lie in class/instance/: move it, "
                f"or give folder:{path} to do without instances."
            )
    data.labels["instance"] = np.asarray([f"{part[0]}/{part[1]}" for part in parts], dtype=str)
    return data
