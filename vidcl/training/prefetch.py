"""Read batches ahead of the training step in a thread."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

T = TypeVar("T")


def prefetch(
    make: Callable[[int], T], start: int, stop: int, depth: int
) -> Generator[T, None, None]:
    """``make(start)``, ..., ``make(stop - 1)`` in order, at most ``depth`` of them ahead.

    An error in the thread is raised here, in the place of its batch. Closing the iterator ends the
    thread. ``depth`` 0 needs no thread.
    """
    if depth == 0:
        for step in range(start, stop):
            yield make(step)
        return
    ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(depth)
    closed = threading.Event()

    def put(item: tuple[T | None, BaseException | None]) -> None:
        while not closed.is_set():
            try:
                return ready.put(item, timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        for step in range(start, stop):
            if closed.is_set():
                return
            try:
                put((make(step), None))
            except BaseException as error:
                put((None, error))
                return

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        for _ in range(start, stop):
            item, error = ready.get()
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        closed.set()
        thread.join()
