"""Run jobs in this process, or in spawned processes of this machine."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from vidcl.errors import VidclError

#: ``run(function, jobs)`` yields each job's result as it is done, in any order.
Run = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]

#: A worker process is replaced after so many jobs: native decoders leak.
JOBS_PER_WORKER = 16


@contextmanager
def local_engine(workers: int | None) -> Iterator[Run]:
    """Give a ``Run`` that works on ``workers`` processes (None: one per CPU; 1: this process).

    Raises:
        VidclError: (from the run) a worker process died.
    """
    count = workers or len(os.sched_getaffinity(0))
    if count == 1:
        yield lambda function, jobs: (function(job) for job in jobs)
        return
    pool = ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_ignore_interrupt,
        max_tasks_per_child=JOBS_PER_WORKER,
    )
    try:
        yield lambda function, jobs: _run(pool, 2 * count, function, jobs)
    except BaseException:
        # Ctrl-C or a fault: do not wait for the shards in work, they would not be looked at
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        raise
    pool.shutdown()


def _run(
    pool: ProcessPoolExecutor,
    in_flight: int,
    function: Callable[[Any], Any],
    jobs: Sequence[Any],
) -> Iterator[Any]:
    pending: set[Future[Any]] = set()
    waiting = iter(jobs)
    while True:
        while len(pending) < in_flight and (job := next(waiting, None)) is not None:
            pending.add(pool.submit(function, job))
        if not pending:
            return
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            try:
                yield future.result()
            except BrokenProcessPool as error:
                raise VidclError(
                    "A worker process died (out of memory, or killed): finished shards stay; run "
                    "the same command again, with fewer --workers if memory was short."
                ) from error


def _ignore_interrupt() -> None:
    # Ctrl-C reaches the whole process group; the parent decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
