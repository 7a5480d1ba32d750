"""Progress of long jobs: a bar on a terminal, a plain line now and then elsewhere."""

import importlib.util
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int], None]


def show_warnings_plainly() -> None:
    """Print this process's warnings as ``note: ...``, without the line of code they came from."""
    warnings.formatwarning = lambda message, *_, **__: f"note: {message}\n"


def draws_bars() -> bool:
    """Whether standard error is a terminal, and ``rich`` is there to draw on it."""
    return sys.stderr.isatty() and importlib.util.find_spec("rich") is not None


@contextmanager
def show_progress(label: str, *, unit: str = "", every: float = 15.0) -> Iterator[Progress]:
    """Yield a function ``(done, total)`` that draws the progress of ``label`` on standard error.

    Args:
        label: what is being done, for example ``"extract"``.
        unit: what is counted, for example ``"videos"``.
        every: seconds between plain lines where standard error is not a terminal.
    """
    started = time.monotonic()
    if draws_bars():
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Bar(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return

    last = started
    count = 0

    def line(done: int, total: int) -> None:
        nonlocal last, count
        count = done
        now = time.monotonic()
        if now - last >= every:
            last = now
            print(f"{label}: {done}/{total} {unit} after {now - started:.0f} s", file=sys.stderr)

    yield line
    print(f"{label}: {count} {unit} in {time.monotonic() - started:.1f} s", file=sys.stderr)
