"""The file of a benchmark's results, which later runs add to."""

import json
import math
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.tracks.quality.bootstrap import Estimate, bootstrap
from vidcl.tracks.quality.summary import Sums

#: Of the file; one of another version is refused.
FORMAT = 1


def provenance() -> dict[str, Any]:
    """What the figures depend on besides the settings: commit (with ``+`` where files differ from
    it; None outside a repository), processor and versions."""
    here = Path(__file__).parent
    commit = _git(here, "rev-parse", "HEAD")
    if commit and _git(here, "status", "--porcelain"):
        commit += "+"
    return {
        "commit": commit,
        "cpu": _cpu(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }


def load_results(path: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The results in ``path``, or empty ones where there is no such file.

    Args:
        settings: what must have been the same for the figures to stand beside each other; plain
            JSON values.

    Raises:
        VidclError: the file is not of this form, or was made with other settings.
    """
    fresh: dict[str, Any] = {"format": FORMAT, "settings": dict(settings)}
    if not path.exists():
        return fresh
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise VidclError(f"{path} is not JSON ({error}); remove it or choose another --out.") from (
            error
        )
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise VidclError(f"{path} is of another format; remove it or choose another --out.")
    before = found["settings"]
    other = [key for key in fresh["settings"] if before.get(key) != fresh["settings"][key]]
    if other:
        raise VidclError(
            f"{path} was made with another {other[0]} ({before.get(other[0])!r}); remove it or "
            "choose another --out."
        )
    return found


def save_results(path: Path, results: Mapping[str, Any]) -> None:
    """Write results whole; NaN, which JSON lacks, becomes null."""
    text = json.dumps(_plain(results), indent=1, allow_nan=False)
    write_atomic(path, (text + "\n").encode())


def estimate(
    sums: Mapping[str, Sums], names: list[str], measure: str, seed: int, draws: int = 2000
) -> Estimate:
    """A measure over some sequences, with its 95 % interval.

    Args:
        sums: sequence -> its ``Sums``; sequences and measures it lacks count nothing.
        names: the sequences.
        seed: of the resamples, which are the same for every measure and tracker.
    """
    pairs = [sums.get(name, {}).get(measure, (0.0, 0.0)) for name in names]
    generator = np.random.default_rng(seed)
    return bootstrap([p[0] for p in pairs], [p[1] for p in pairs], generator, draws=draws)


def difference(
    sums: Mapping[str, Sums], other: Mapping[str, Sums], names: list[str], measure: str, seed: int
) -> Estimate:
    """The mean over sequences of a measure of weight 1 minus another's, on the sequences that both
    have, with its 95 % interval."""
    gaps: dict[str, Sums] = {}
    for name in names:
        mine, theirs = (s.get(name, {}).get(measure, (0.0, 0.0)) for s in (sums, other))
        if mine[1] and theirs[1]:
            gaps[name] = {measure: (mine[0] / mine[1] - theirs[0] / theirs[1], 1.0)}
    return estimate(gaps, names, measure, seed)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        return None
    return done.stdout.strip()


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
