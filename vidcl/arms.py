"""Studies of several arms on several seeds: each is run once, in a process of its own, and kept.

A study writes ``runs/ARM/seed-N.json`` for every arm and seed, numbers by name. The same command
goes on where it stopped.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.jobs import Job, run_jobs
from vidcl.progress import Progress

#: What every arm imports; by name, since this module is no part of training.
PRELOAD = ("vidcl.training.loop", "vidcl.evaluation.embed")

#: Arm -> metric -> one value per seed.
Measured = dict[str, dict[str, list[float]]]


def run_arms(
    out: Path,
    measure: Callable[..., Mapping[str, float]],
    arms: Sequence[str],
    seeds: Sequence[int],
    settings: Any,
    *,
    workers: int,
    progress: Progress | None = None,
) -> Measured:
    """Run what is missing, seed by seed, and give all.

    Args:
        out: the study's folder.
        measure: a module-level function ``measure(arm, seed, settings, folder, progress=)`` that
            gives numbers by name; ``folder`` is the arm's own on that seed.
        settings: a ``Config`` of everything that decides the numbers, but for arms and seeds.

    Raises:
        VidclError: the folder holds a study of other settings.
    """
    _same_settings(out, settings)
    missing = [(arm, seed) for seed in seeds for arm in arms if not _path(out, arm, seed).is_file()]
    jobs = [
        Job(
            f"{arm}-{seed}",
            _run,
            {"out": out, "measure": measure, "arm": arm, "seed": seed, "settings": settings},
        )
        for arm, seed in missing
    ]
    run_jobs(jobs, workers=workers, progress=progress, preload=PRELOAD)
    measured: Measured = {}
    for arm in arms:
        per_seed = [json.loads(_path(out, arm, seed).read_text()) for seed in seeds]
        names = [name for name in per_seed[0] if all(name in one for one in per_seed)]
        measured[arm] = {name: [one[name] for one in per_seed] for name in names}
    return measured


def _run(
    out: Path,
    measure: Callable[..., Mapping[str, float]],
    arm: str,
    seed: int,
    settings: Any,
    progress: Progress | None = None,
) -> None:
    path = _path(out, arm, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = measure(arm, seed, settings, path.with_suffix(""), progress=progress)
    write_atomic(path, (json.dumps(dict(numbers), indent=1) + "\n").encode())


def _path(out: Path, arm: str, seed: int) -> Path:
    return out / "runs" / arm / f"seed-{seed}.json"


def _same_settings(out: Path, settings: Any) -> None:
    path, now = out / "settings.json", settings.model_dump(mode="json")
    if path.is_file() and json.loads(path.read_text()) != now:
        raise VidclError(f"{out} holds a study with other settings: give another --out.")
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(path, (json.dumps(now, indent=1) + "\n").encode())
