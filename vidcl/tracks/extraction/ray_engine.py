"""Run jobs as Ray tasks: plain tasks, a bounded number in flight. The only module with Ray."""

import logging
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    WorkerCrashedError,
)

from vidcl.errors import VidclError
from vidcl.tracks.extraction.done import ShardLost
from vidcl.tracks.extraction.local_engine import Run
from vidcl.tracks.extraction.ray_knock import knock, one_line
from vidcl.version import __version__

#: Bytes that a task asks Ray for: more than a worker and the child that decodes for it need with
#: 720p video, and less than the most they may take, which few ever do.
TASK_MEMORY = 2**30

#: A worker process is replaced after so many jobs: Python and its libraries leak a little too.
_JOBS_PER_WORKER = 64

#: How often Ray tries a task again whose worker or machine died.
_RETRIES = 2

#: Ray's own store carries only paths and numbers, so it gets little more than its minimum.
_OBJECT_STORE_BYTES = 100 * 2**20

#: Seconds between looks at a cluster, which may grow, and until a note that nothing moves.
_LOOK_SECONDS, _STILL_SECONDS = 10.0, 60.0

#: Faults of a worker or a machine, not of the job's function.
_LOSSES = (NodeDiedError, ObjectLostError, OutOfMemoryError, WorkerCrashedError)


@contextmanager
def ray_engine(workers: int | None, address: str | None) -> Iterator[Run]:
    """Give a ``Run`` on Ray.

    A cluster that this process already joined is used as it is. Otherwise ``address`` is joined;
    None joins the cluster of the surrounding ``ray job submit``, or starts Ray here with one CPU
    per worker (no dashboard) and stops it at the end.

    A job whose worker or machine dies is tried again, elsewhere if need be. When that has happened
    three times, its place is taken by a ``ShardLost``, and the other jobs go on.

    Args:
        workers: tasks at a time; None means as many as Ray has CPUs, also when it gets more.

    Raises:
        VidclError: Ray cannot be reached or started; (from the run) what a job raised, the cluster
            was lost, no worker stays alive, or its machines have another vidcl.
    """
    started = not ray.is_initialized()
    joined = _connect(workers, address) if started else True
    try:
        # of Ray's own machine all CPUs are ours, so a second task may wait for each
        limit = workers if joined else None
        yield lambda function, jobs: _run(limit, _task_memory(), function, jobs)
    finally:
        if started:
            ray.shutdown()


def _connect(workers: int | None, address: str | None) -> bool:
    """Join a cluster, or start Ray here; whether it was joined."""
    address = address or os.environ.get("RAY_ADDRESS")
    # Ray would print advice and the output of its workers between our lines
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address:
            knock(address)
            ray.init(address=address, **quiet)
        else:
            ray.init(
                address="local",  # without it Ray joins whatever cluster last ran on this machine
                num_cpus=workers or len(os.sched_getaffinity(0)),
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                **quiet,
            )
    except (RayError, ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = f"the Ray cluster at {address}" if address else "Ray on this machine"
        if "Version mismatch" in str(error):
            raise VidclError(
                f"{where[0].upper()}{where[1:]} has another Ray or Python ({one_line(error)}): "
                "install the same versions here and there."
            ) from error
        raise VidclError(
            f"Cannot reach {where} ({one_line(error)}): check --ray-address, or use --engine local."
        ) from error
    return bool(address)


def _task_memory() -> int:
    """Bytes to ask for per task: every CPU of the roomiest machine shall find its share, since a
    task that asks for more than any machine has waits for ever."""
    shares = [
        node["Resources"]["memory"] / max(1.0, node["Resources"]["CPU"])
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get("CPU") and node["Resources"].get("memory")
    ]
    return int(min(TASK_MEMORY, max(shares, default=0)))


def _call(function: Callable[[Any], Any], version: str, job: Any) -> Any:
    """One job, in a worker."""
    if version != __version__:
        raise VidclError(
            f"A machine of the cluster has vidcl {__version__} and this one has {version}: install "
            "the same version on all."
        )
    return function(job)


class _Width:
    """How many tasks may be in flight: two per CPU of a cluster that may grow and shrink."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._looked = -_LOOK_SECONDS
        self._width = 2

    def __call__(self) -> int:
        if self._limit is not None:
            return self._limit
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._looked = time.monotonic()
            self._width = max(2, 2 * int(ray.cluster_resources().get("CPU", 1)))
        return self._width


def _run(
    limit: int | None, memory: int, function: Callable[[Any], Any], jobs: Iterable[Any]
) -> Iterator[Any]:
    options: dict[str, Any] = {
        "num_cpus": 1,
        "max_calls": _JOBS_PER_WORKER,
        "max_retries": _RETRIES,
    }
    if memory:
        options["memory"] = memory
    task = ray.remote(**options)(_call)
    width = _Width(limit)
    pending: dict[Any, Any] = {}
    waiting = iter(jobs)
    losses = 0
    try:
        while True:
            while len(pending) < width() and (job := next(waiting, None)) is not None:
                pending[task.remote(function, __version__, job)] = job
            if not pending:
                return
            for reference in _finished(list(pending)):
                job = pending.pop(reference)
                try:
                    result = ray.get(reference)
                except _LOSSES as error:
                    losses += 1
                    if losses > max(8, 2 * width()):
                        raise VidclError(
                            f"{losses} tasks in turn lost their worker ({one_line(error)}): see "
                            "whether the machines have enough memory for their workers, and run "
                            "the same command again; finished shards stay."
                        ) from error
                    yield ShardLost(job.number, one_line(error))
                else:
                    losses = 0
                    yield result
    except RayTaskError as error:
        raise _refused(error) from error
    except RayError as error:
        raise VidclError(
            f"The Ray cluster was lost ({one_line(error)}): finished shards stay; run the same "
            "command again."
        ) from error
    finally:
        _cancel(list(pending))


def _finished(pending: list[Any]) -> list[Any]:
    """Those that are done, at least one; a note where nothing moves for long."""
    still = False
    while True:
        done, _ = ray.wait(
            pending,
            num_returns=1,
            timeout=None if still else _STILL_SECONDS,
            fetch_local=False,
        )
        if done:
            # what else is done by now is taken along, so that its places are filled at once
            more, _ = ray.wait(pending, num_returns=len(pending), timeout=0, fetch_local=False)
            return more
        still = True
        free = ray.available_resources().get("CPU", 0.0)
        have = ray.cluster_resources().get("CPU", 0.0)
        warnings.warn(
            f"no task has ended for {_STILL_SECONDS:g} s; the cluster has {have:g} CPUs, {free:g} "
            "of them free",
            stacklevel=2,
        )


def _refused(error: RayTaskError) -> Exception:
    """What a job's function raised, where a sentence can be made of it."""
    cause = error.cause
    if isinstance(cause, VidclError):
        return cause
    if isinstance(cause, ImportError):
        return VidclError(
            f"A machine of the cluster cannot load vidcl ({one_line(cause)}): install the same "
            "vidcl on all, with the same extras."
        )
    return error


def _cancel(pending: list[Any]) -> None:
    for reference in pending:
        try:
            ray.cancel(reference, force=True)
        except RayError as error:
            # the cluster itself has gone; what ended the run says so
            logging.getLogger(__name__).debug("cannot cancel: %s", error)
            return
