"""Time spent in the stages of a job, without counting anything twice."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopwatch:
    """Time per stage; while a stage runs within another, the outer one stands still.

    Attributes:
        spent: seconds by stage.
        counts: whatever the user of the watch counts along the way.
    """

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.counts: list[int] = []
        self._clock = clock
        self._stack: list[str] = []
        self._since = 0.0

    @property
    def total(self) -> float:
        """Of all stages."""
        return sum(self.spent.values())

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside for ``name``."""
        self._book()
        self._stack.append(name)
        try:
            yield
        finally:
            self._book()
            self._stack.pop()

    def _book(self) -> None:
        now = self._clock()
        if self._stack:
            self.spent[self._stack[-1]] += now - self._since
        self._since = now
