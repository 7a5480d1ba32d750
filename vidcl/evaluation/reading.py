"""Images read and prepared ahead of the one who needs them: in order, in bounded memory."""

import hashlib
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch

from vidcl.datasets.labelled_set import LabelledSet
from vidcl.datasets.registry import open_dataset
from vidcl.evaluation.images import ImageData, ImageSource, image_source

T = TypeVar("T")

#: Images that one background task reads: few enough to share out a batch, enough that handing
#: them over costs nothing.
CHUNK = 16
#: More threads than this wait for the interpreter's lock rather than decode.
MOST_WORKERS = 16


def default_readers() -> int:
    """Background threads: the processor cores that this process may use, at most 16."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, MOST_WORKERS)


def chunks(start: int, stop: int, batch: int) -> Iterator[tuple[int, int]]:
    """Spans [first, last) of at most ``CHUNK`` images that cover start..stop; none crosses a
    batch's end, batches being counted from ``start``."""
    for first in range(start, stop, batch):
        end = min(first + batch, stop)
        for low in range(first, end, CHUNK):
            yield low, min(low + CHUNK, end)


def ahead(
    work: Callable[[int, int], T],
    spans: Iterable[tuple[int, int]],
    *,
    depth: int,
    workers: int | None = None,
) -> Generator[T, None, None]:
    """``work(first, last)`` of every span, in order, done in background threads.

    Each thread computes with one thread of torch's own, whatever the caller's number, so that the
    readers together never want more cores than there are of them.

    Args:
        work: must be safe to call from several threads at once.
        depth: results that may wait for the caller; with the tasks at work it bounds the memory.
        workers: threads; 0 does the work in the caller's.

    Raises:
        Whatever ``work`` raises, at the place in the order where it was raised.
    """
    workers = default_readers() if workers is None else workers
    if workers == 0:
        yield from (work(first, last) for first, last in spans)
        return
    pool = _pool(workers)
    waiting: deque[Future[T]] = deque()
    remaining = iter(spans)
    try:
        for span in itertools.islice(remaining, depth + workers):
            waiting.append(pool.submit(work, *span))
        while waiting:
            result = waiting.popleft().result()
            for span in itertools.islice(remaining, 1):
                waiting.append(pool.submit(work, *span))
            yield result
    finally:
        # tasks at work end first: a thread must not read on in a set that its owner has closed
        pool.shutdown(wait=True, cancel_futures=True)


def _pool(workers: int) -> ThreadPoolExecutor:
    """Threads that each compute with one thread of torch's."""
    own = torch.get_num_threads()
    met = threading.Barrier(workers + 1)

    def begin() -> None:
        torch.set_num_threads(1)  # counts for this thread, and for threads begun after it
        met.wait()

    pool = ThreadPoolExecutor(workers, thread_name_prefix="vidcl-read", initializer=begin)
    try:
        for _ in range(workers):  # one thread each, since none is idle before all have met
            pool.submit(int)
        met.wait()
    except BaseException:
        met.abort()
        raise
    finally:
        torch.set_num_threads(own)
    return pool


def hashed_source(data: ImageData) -> ImageSource:
    """``image_source`` whose content hash costs no second reading of images it has given.

    Raises:
        VidclError: see ``image_source``.
    """
    if isinstance(data, np.ndarray):
        return image_source(data)
    labelled = data if isinstance(data, LabelledSet) else open_dataset(str(data))
    digests: list[bytes | None] = [None] * len(labelled)

    def read(index: int) -> bytes:
        content = labelled.read(index)
        digests[index] = hashlib.sha256(content).digest()
        return content

    def content_hash() -> str:
        known = [digest for digest in digests if digest is not None]
        if len(known) < len(digests):
            return labelled.content_hash()
        return labelled.content_hash(known)

    return replace(image_source(replace(labelled, read=read)), content_hash=content_hash)
