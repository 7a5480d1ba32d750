"""Show how far an extraction is: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from vidcl.progress import draws_bars
from vidcl.tracks.extraction.counts import Counts, Watch


@dataclass
class Pace:
    """What the counts of a run come to per second.

    Attributes:
        now: a clock in seconds.
        started: when the first shard of this run was begun; probing before it does not count.
    """

    now: Callable[[], float] = time.monotonic
    started: float | None = field(default=None, init=False)

    def describe(self, counts: Counts) -> str:
        """One line: shards, videos, speed, faults, time left.

        Rates are those of this run so far. The time left is that of the segments left at the
        present rate, and is not told before the first one is done.
        """
        if not counts.shards:
            return f"{counts.probed}/{counts.to_probe} files probed"
        if self.started is None:
            self.started = self.now()
        seconds = self.now() - self.started
        parts = [
            f"{counts.shards_done}/{counts.shards} shards",
            f"{counts.videos_done}/{counts.videos} videos",
        ]
        if counts.own_segments and seconds > 0:
            parts.append(f"{counts.own_videos / seconds:.3g} videos/s")
            parts.append(f"{counts.frames / seconds:.0f} frames/s")
        if counts.failed:
            parts.append(f"{counts.failed} failed")
        if counts.lost:
            parts.append(f"{counts.lost} shards lost")
        left = counts.segments - counts.segments_done
        if left and counts.own_segments and seconds > 0:
            parts.append(f"{duration(left * seconds / counts.own_segments)} left")
        return ", ".join(parts)


@contextmanager
def show_counts(label: str, *, every: float = 15.0) -> Iterator[Watch]:
    """Yield a function that shows ``Counts`` on standard error, for ``extract(watch=...)``.

    Args:
        label: what is being done, for example ``"extract"``.
        every: seconds between plain lines where standard error is not a terminal.
    """
    pace = Pace()
    if draws_bars():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),  # takes what room the words leave
            TextColumn("{task.fields[said]}", table_column=Column(no_wrap=True)),
        )
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(label, total=None, said="")

            def draw(counts: Counts) -> None:
                done, total = counts.segments_done, counts.segments
                if not counts.shards:
                    done, total = counts.probed, counts.to_probe
                bar.update(task, completed=done, total=total, said=pace.describe(counts))

            yield draw
        return

    last = -every
    text = ""

    def line(counts: Counts) -> None:
        nonlocal last, text
        text = pace.describe(counts)
        if time.monotonic() - started - last >= every:
            last = time.monotonic() - started
            print(f"{label}: {text}", file=sys.stderr, flush=True)

    started = time.monotonic()
    try:
        yield line
    finally:
        if text:
            spent = duration(time.monotonic() - started)
            print(f"{label}: {text}, after {spent}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """A length of time as ``0:00:07`` or ``3 d 04:05:06``."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour:02d}:{minute:02d}:{second:02d}"
    return f"{days} d {clock}" if days else clock.removeprefix("0")
