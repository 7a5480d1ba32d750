"""Find the YAML presets that come with vidcl, in a checkout or an installed copy."""

import sys
from pathlib import Path

from vidcl.errors import VidclError


def preset_folders() -> list[Path]:
    """Where presets may lie: ``configs/`` of the checkout, then the installed copy."""
    return [Path(__file__).parents[1] / "configs", Path(sys.prefix) / "share" / "vidcl" / "configs"]


def preset_names() -> list[str]:
    """Names of all presets, as ``find_preset`` takes them."""
    for folder in preset_folders():
        if folder.is_dir():
            found = sorted(folder.rglob("*.yaml"))
            return [path.relative_to(folder).with_suffix("").as_posix() for path in found]
    return []


def find_preset(name: str | Path) -> Path:
    """The file a user means: a path, or a preset's name such as ``laptop/moco``.

    Raises:
        VidclError: there is neither.
    """
    path = Path(name)
    if path.is_file():
        return path
    for folder in preset_folders():
        for candidate in (folder / path, folder / f"{path}.yaml"):
            if candidate.is_file():
                return candidate
    known = ", ".join(preset_names())
    raise VidclError(f"There is no configuration {name}: give a YAML file or one of {known}.")
