"""What the page is built from: a folder's results, galleries, figures and training runs."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.evaluation.galleries import VERSION
from vidcl.evaluation.results import read_results
from vidcl.report.figures import EmbeddedFigure, load_figures
from vidcl.report.runs import TrainingRun, find_runs, measured_runs

BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z")
FORMATS = ("webp", "jpeg", "png")


@dataclass(frozen=True)
class Source:
    """One folder reported on. ``name`` is distinct among the folders of a page."""

    name: str
    results: dict[str, Any] | None
    runs: list[TrainingRun]
    galleries: list[dict[str, Any]]
    figures: list[EmbeddedFigure]


def open_sources(folders: Sequence[Path]) -> list[Source]:
    """Read every folder, named itself or by its ``results.json``.

    Of a folder these are read: ``results.json``, ``galleries.json``, ``figures/figures.json``,
    ``metrics.jsonl`` and ``config.yaml``, the last two also of every folder under ``runs/``.

    Raises:
        VidclError: no folder is given, one is given twice, is missing, holds nothing to report on,
            or holds a damaged file.
    """
    if not folders:
        raise VidclError("Name at least one run folder to report on.")
    folders = [path.parent if path.name == "results.json" else path for path in folders]
    places = [folder.resolve() for folder in folders]
    if len(set(places)) < len(places):
        raise VidclError("A run folder is named twice: give each one once.")
    return [_open(folder, name) for folder, name in zip(folders, _names(places), strict=True)]


def read_galleries(path: Path) -> list[dict[str, Any]]:
    """The galleries of a file; none where there is no file.

    Raises:
        VidclError: the file is damaged, or was written by an older version.
    """
    if not path.is_file():
        return []
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        version = stored.get("version", 1 if stored.get("galleries") else None)
        if version == VERSION:
            for gallery in stored["galleries"]:
                _check(gallery)
            return list(stored["galleries"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VidclError(f"{path} is not a file of galleries ({error}): delete it.") from error
    if version is None:
        raise VidclError(f"{path} is not a file of galleries (it has no version): delete it.")
    raise VidclError(
        f"{path} has galleries of version {version} and this vidcl reads version {VERSION}: run "
        f"the command that wrote it again."
    )


def _open(folder: Path, name: str) -> Source:
    if not folder.is_dir():
        raise VidclError(
            f"There is no run folder at {folder}: give one that vidcl train or demo wrote."
        )
    file = folder / "results.json"
    results = read_results(file) if file.is_file() else None
    runs = find_runs(folder)
    if results is not None:
        runs = measured_runs(runs, results)
    galleries, figures = read_galleries(folder / "galleries.json"), load_figures(folder)
    if results is None and not runs and not galleries and not figures:
        raise VidclError(
            f"{folder} holds no results.json, metrics.jsonl or config.yaml to report on: give a "
            f"folder that vidcl train, evaluate or demo wrote."
        )
    return Source(name, results, runs, galleries, figures)


def _names(places: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart."""
    for depth in range(1, max(len(place.parts) for place in places) + 1):
        names = ["/".join(place.parts[-depth:]).strip("/") or "/" for place in places]
        if len(set(names)) == len(names):
            break
    return names


def _check(gallery: dict[str, Any]) -> None:
    """Raise ValueError, KeyError or TypeError unless every reference leads somewhere."""
    pictures, queries = len(gallery["images"]), len(gallery["queries"])
    if gallery["format"] not in FORMATS:
        raise ValueError(f"pictures of the format {gallery['format']}")
    if not all(BASE64.match(image) for image in gallery["images"]):
        raise ValueError("a picture is not base64")
    if not len(gallery["rows"]) == len(gallery["label"]) == pictures:
        raise ValueError("pictures, rows and labels differ in number")
    references = [gallery["queries"]]
    for system in gallery["systems"]:
        str(system["name"])
        if not len(system["found"]) == len(system["scores"]) == queries:
            raise ValueError("a system has answers for another number of queries")
        references += system["found"]
    for name, numbers, most in (
        ("picture", [n for line in references for n in line], pictures),
        ("label", gallery["label"], len(gallery["labels"])),
        ("row", gallery["rows"], float("inf")),
    ):
        if not all(isinstance(n, int) and 0 <= n < most for n in numbers):
            raise ValueError(f"a {name} is named that is not there")
    for key in ("set", "protocol"):
        str(gallery[key])
