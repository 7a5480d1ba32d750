"""The guard of a process, or of a thread that was given one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from vidcl.guarded.guard import Guard

_GIVEN: ContextVar[Guard | None] = ContextVar("guard", default=None)


def current_guard() -> Guard:
    """The guard that this context was given, else one that the process keeps until it ends."""
    return _GIVEN.get() or _of_process(os.getpid())


@contextmanager
def use_guard(guard: Guard) -> Iterator[None]:
    """Have ``current_guard`` give ``guard`` in this thread."""
    token = _GIVEN.set(guard)
    try:
        yield
    finally:
        _GIVEN.reset(token)


@cache
def _of_process(number: int) -> Guard:
    # a fork of this process has another number, and must not talk to its parent's server
    return Guard()
