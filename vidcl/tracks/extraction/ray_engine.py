"""Run jobs as Ray tasks: plain tasks, a bounded number in flight. The only module with Ray."""

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from vidcl.errors import VidclError
from vidcl.tracks.extraction.local_engine import JOBS_PER_WORKER, Run

#: Ray's own store carries only paths and numbers, so it gets little more than its minimum.
_OBJECT_STORE_BYTES = 100 * 2**20


@contextmanager
def ray_engine(workers: int | None, address: str | None) -> Iterator[Run]:
    """Give a ``Run`` on Ray.

    A cluster that this process already joined is used as it is. Otherwise ``address`` is joined;
    None joins the cluster of the surrounding ``ray job submit``, or starts Ray here with one CPU
    per worker (no dashboard) and stops it at the end.

    Args:
        workers: tasks at a time; None means as many as Ray has CPUs.

    Raises:
        VidclError: Ray cannot be reached or started; (from the run) a worker died three times.
    """
    started = not ray.is_initialized()
    if started:
        _connect(workers, address)
    try:
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        yield lambda function, jobs: _run(2 * count if workers is None else count, function, jobs)
    finally:
        if started:
            ray.shutdown()


def _connect(workers: int | None, address: str | None) -> None:
    address = address or os.environ.get("RAY_ADDRESS")
    try:
        if address:
            _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        else:
            ray.init(
                address="local",  # without it Ray joins whatever cluster last ran on this machine
                num_cpus=workers or len(os.sched_getaffinity(0)),
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                object_store_memory=_OBJECT_STORE_BYTES,
            )
    except (RayError, ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = f"the Ray cluster at {address}" if address else "Ray on this machine"
        raise VidclError(
            f"Cannot reach {where} ({str(error).splitlines()[0]}): check --ray-address, or use "
            "--engine local."
        ) from error


def _knock(address: str) -> None:
    """Ray itself tries for minutes before it gives up on an address where nothing listens.

    Raises:
        OSError: nothing answers at ``host:port`` (``auto`` and the like are left to Ray).
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _call(function: Callable[[Any], Any], job: Any) -> Any:
    return function(job)


def _run(in_flight: int, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
    # a finished worker process is replaced after some jobs: native decoders leak
    task = ray.remote(num_cpus=1, max_calls=JOBS_PER_WORKER, max_retries=2)(_call)
    pending: list[Any] = []
    waiting = iter(jobs)
    try:
        while True:
            while len(pending) < in_flight and (job := next(waiting, None)) is not None:
                pending.append(task.remote(function, job))
            if not pending:
                return
            done, pending = ray.wait(pending, num_returns=1)
            yield ray.get(done[0])
    except RayTaskError as error:
        if isinstance(error.cause, VidclError):
            raise error.cause from error
        raise
    except RayError as error:
        raise VidclError(
            f"A Ray worker was lost ({str(error).splitlines()[0]}): finished shards stay; run the "
            "same command again, with fewer --workers if memory was short."
        ) from error
    finally:
        for reference in pending:
            ray.cancel(reference, force=True)
