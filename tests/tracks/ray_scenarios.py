"""What the tests of the Ray engine have it do, in one process of its own (see ``ray_nodes``).

    python -m tests.tracks.ray_scenarios FOLDER quick|slow

runs the scenarios on two workers and prints one JSON object: the name of each -> what came of it.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from vidcl.errors import VidclError
from vidcl.tracks.extraction import ray_engine as engine
from vidcl.tracks.extraction.done import ShardLost
from vidcl.tracks.extraction.local_engine import Run


@dataclass(frozen=True)
class Job:
    """Attributes:
    number: of the job.
    folder: where workers leave files.
    deaths: how often its worker is to be killed.
    """

    number: int
    folder: str
    deaths: int = 0


def work(job: Job) -> int:
    for k in range(job.deaths):
        mark = Path(job.folder) / f"{job.number}-{k}"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return job.number


def who(job: Job) -> tuple[int, int]:
    return job.number, os.getpid()


def slow(job: Job) -> int:
    time.sleep(0.05)
    return job.number


def refuse(job: Job) -> int:
    if job.number == 3:
        raise VidclError("The store cannot be written: make room.")
    time.sleep(0.05)
    return job.number


def surprise(job: Job) -> int:
    raise RuntimeError(f"job {job.number}")


def quick(run: Run, folder: str) -> dict[str, Any]:
    jobs = [Job(k, folder) for k in range(12)]
    return {
        "bounded": _bounded(run, jobs),
        "killed once": sorted(run(work, [replace(jobs[0], deaths=1), *jobs[1:]])),
        "killed often": _lost(run, [*jobs[:5], replace(jobs[5], deaths=9), *jobs[6:]]),
        "refused": _error(lambda: list(run(refuse, jobs))),
        "after": sorted(run(work, jobs)),
        "other version": _other_version(run, jobs),
        "none": list(run(work, [])),
    }


def slowly(run: Run, folder: str) -> dict[str, Any]:
    jobs = [Job(k, folder, deaths=9) for k in range(40)]
    return {
        "all killed": _error(lambda: list(run(work, jobs))),
        "surprised": _error(lambda: list(run(surprise, jobs))),
        "recycled": _recycled(run, folder),
    }


def _bounded(run: Run, jobs: list[Job]) -> dict[str, Any]:
    taken = 0

    def lazily() -> Iterator[Job]:
        nonlocal taken
        for job in jobs:
            taken += 1
            yield job

    ahead, results = [], []
    for result in run(slow, lazily()):
        results.append(result)
        ahead.append(taken - len(results))
    return {"results": sorted(results), "most ahead": max(ahead)}


def _lost(run: Run, jobs: list[Job]) -> dict[str, Any]:
    results = list(run(work, jobs))
    lost = [result for result in results if isinstance(result, ShardLost)]
    return {
        "done": sorted(result for result in results if isinstance(result, int)),
        "lost": [[item.number, item.reason] for item in lost],
    }


def _error(doing: Callable[[], Any]) -> list[str]:
    try:
        doing()
    except Exception as error:
        return [type(error).__name__, str(error)]
    return ["nothing", ""]


def _other_version(run: Run, jobs: list[Job]) -> list[str]:
    with mock.patch.object(engine, "__version__", "0.0.0"):
        return _error(lambda: list(run(work, jobs)))


def _recycled(run: Run, folder: str) -> dict[str, int]:
    count = 4 * engine._JOBS_PER_WORKER
    done = list(run(who, (Job(k, folder) for k in range(count))))
    each = [sum(pid == other for _, other in done) for pid in {pid for _, pid in done}]
    return {"jobs": len({number for number, _ in done}), "most": max(each)}


def main() -> None:
    with engine.ray_engine(2, None) as run:
        found = {"quick": quick, "slow": slowly}[sys.argv[2]](run, sys.argv[1])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
