"""Small pictures for trees of folders in the layouts of published sets."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image


def picture(path: Path, value: int = 0, size: tuple[int, int] = (4, 3)) -> Path:
    """A grey picture of one value, (width, height) pixels, at a path that need not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    Image.fromarray(np.full((height, width, 3), value, np.uint8)).save(path)
    return path


def touch(path: Path, text: str = "") -> Path:
    """A file that is there, for what only looks at names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def touch_all(folder: Path, names: Iterable[str]) -> None:
    """Empty files in one folder, for what only looks at names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        os.close(os.open(folder / name, os.O_CREAT | os.O_WRONLY))
