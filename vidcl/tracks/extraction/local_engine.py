"""Run jobs in this process, whose threads wait for the child processes that do the work."""

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from vidcl.guarded.guard import Guard
from vidcl.guarded.shared import use_guard

#: ``run(function, jobs)`` yields each job's result as it is done, in any order.
Run = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]

#: Seconds that threads get to tidy up once their children are gone.
_TIDY = 5.0


@contextmanager
def local_engine(workers: int | None) -> Iterator[Run]:
    """Give a ``Run`` that works on ``workers`` jobs at a time (None: one per CPU).

    One worker is this very thread. More are threads, which is no loss: a job decodes in a child
    process and its thread waits. At the end, also that by Ctrl-C, no child is left.
    """
    count = workers or len(os.sched_getaffinity(0))
    with Guard() as guard:
        if count == 1:
            yield lambda function, jobs: _run_here(guard, function, jobs)
        else:
            yield lambda function, jobs: _run(guard, count, function, jobs)


def _run_here(guard: Guard, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
    for job in jobs:
        with use_guard(guard):
            result = function(job)
        yield result


def _run(
    guard: Guard, count: int, function: Callable[[Any], Any], jobs: Iterable[Any]
) -> Iterator[Any]:
    todo: queue.SimpleQueue[Any] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
    threads = [
        threading.Thread(target=_work, args=(guard, function, todo, done), daemon=True)
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    waiting = iter(jobs)
    in_flight = 0
    try:
        while True:
            while in_flight < 2 * count:
                job = next(waiting, None)
                if job is None:
                    break
                todo.put(job)
                in_flight += 1
            if not in_flight:
                break
            result, error = done.get()
            in_flight -= 1
            if error is not None:
                raise error
            yield result
    except BaseException:
        # Ctrl-C or a fault: do not wait for the shards in work, they would not be looked at
        guard.close()
        raise
    finally:
        with suppress(queue.Empty):
            while True:
                todo.get_nowait()
        for _ in threads:
            todo.put(None)
        for thread in threads:
            thread.join(_TIDY)


def _work(
    guard: Guard,
    function: Callable[[Any], Any],
    todo: "queue.SimpleQueue[Any]",
    done: "queue.SimpleQueue[tuple[Any, BaseException | None]]",
) -> None:
    with use_guard(guard):
        while (job := todo.get()) is not None:
            try:
                done.put((function(job), None))
            except BaseException as error:  # it is raised where the results are taken
                done.put((None, error))
