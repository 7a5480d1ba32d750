"""Run independent jobs side by side, one process each, and see how far they are.

On two cores two single-threaded trainings finish sooner than one after the other with two threads
each, because small networks do not fill a second thread.
"""

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from vidcl.errors import VidclError
from vidcl.progress import Progress, show_warnings_plainly

#: Seconds that interrupted jobs get to save what they have.
GRACE = 30.0


@dataclass(frozen=True)
class Job:
    """A module-level function with its arguments; it is also given ``progress=``."""

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any] = field(default_factory=dict)


def default_workers() -> int:
    """Jobs to run at once: the processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(
    jobs: Sequence[Job],
    *,
    workers: int,
    threads: int = 1,
    progress: Progress | None = None,
    preload: Sequence[str] = (),
) -> dict[str, float]:
    """Run every job in a process of its own, at most ``workers`` at once.

    Args:
        jobs: what to run; names must differ.
        workers: processes alive at once.
        threads: torch threads in each.
        progress: called with (done, total) summed over the jobs.
        preload: modules that the jobs use, imported once for all of them where processes can be
            forked; importing torch costs a job some seconds of processor time.

    Returns:
        Seconds each job took, by name.

    Raises:
        VidclError: a job raised one; the others are stopped first.
        RuntimeError: a job failed otherwise; the text carries its traceback.
    """
    context = _context(preload)
    waiting = list(jobs)
    running: dict[str, tuple[Any, Connection, Any, float]] = {}
    seconds: dict[str, float] = {}
    counted: dict[str, Any] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.pop(0)
                counter = context.Array("q", [0, 0])
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(
                    target=_work,
                    args=(job, threads, counter, theirs, dict(os.environ)),
                    name=job.name,
                )
                process.start()
                theirs.close()
                running[job.name] = (process, ours, counter, time.monotonic())
                counted[job.name] = counter
            time.sleep(0.1)
            for name, (process, pipe, _, started) in list(running.items()):
                if process.is_alive() and not pipe.poll():
                    continue
                failure = _outcome(name, process, pipe)
                if failure is not None:
                    raise failure
                seconds[name] = time.monotonic() - started
                del running[name]
            if progress is not None:
                _report(progress, counted, len(jobs))
    finally:
        deadline = time.monotonic() + GRACE
        for process, pipe, _, _ in running.values():
            _stop(process, deadline)
            pipe.close()
    return seconds


def _context(preload: Sequence[str]) -> Any:
    """How processes are started: from a fresh one that has imported ``preload`` and done nothing
    else, so that a fork is as safe as a new start."""
    if not preload or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context


def _work(
    job: Job, threads: int, counter: Any, pipe: Connection, environment: dict[str, str]
) -> None:
    """The body of a job's process: run it, and say through the pipe how it went."""
    # A terminal's Ctrl-C would reach the job as well as its parent, whose word makes a second one,
    # and a second one means "at once". In a group of its own the job hears its parent alone.
    os.setpgrp()
    os.environ.clear()  # the process that this one was forked from knows an older one
    os.environ.update(environment)
    show_warnings_plainly()
    import torch

    torch.set_num_threads(threads)

    def count(done: int, total: int) -> None:
        counter[0], counter[1] = done, total

    try:
        job.function(**job.arguments, progress=count)
    except VidclError as error:
        pipe.send(("user", str(error)))
    except KeyboardInterrupt:
        pipe.send(("interrupt", ""))
    except BaseException:
        pipe.send(("crash", traceback.format_exc()))
        raise
    else:
        pipe.send(("done", ""))


def _outcome(name: str, process: Any, pipe: Connection) -> BaseException | None:
    """What a finished job has to say: nothing when it went well."""
    try:
        kind, text = pipe.recv()
    except EOFError:
        process.join()
        kind, text = "crash", f"its process ended with status {process.exitcode}"
    process.join()
    pipe.close()
    if kind == "done":
        return None
    if kind == "user":
        return VidclError(f"{name}: {text}")
    if kind == "interrupt":
        return KeyboardInterrupt()
    return RuntimeError(f"The job {name} failed: {text}")


def _stop(process: Any, deadline: float) -> None:
    """Ask a job to save and end as Ctrl-C does; end it if it does not."""
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, signal.SIGINT)
    process.join(max(0.0, deadline - time.monotonic()))
    if process.is_alive():
        process.kill()
        process.join()


def _report(progress: Progress, counted: dict[str, Any], jobs: int) -> None:
    """Sum the counters; jobs that have not started count like the largest known one."""
    known = [counter[1] for counter in counted.values() if counter[1]]
    if known:
        total = sum(known) + max(known) * (jobs - len(known))
        progress(sum(counter[0] for counter in counted.values()), total)
