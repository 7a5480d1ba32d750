"""Progress as lines on standard error, and as a bar where that is a terminal."""

import io
import sys

import pytest

from vidcl import progress
from vidcl.tracks.extraction.counts import Counts
from vidcl.tracks.extraction.show import Pace, duration, show_counts


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_lines_now_and_then_and_one_at_the_end(capsys):
    with progress.show_progress("count", unit="things", every=0.0) as tell:
        tell(1, 3)
        tell(3, 3)
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("count: 1/3 things after ") and len(said) == 3
    assert said[-1].startswith("count: 3 things in ")


def test_lines_keep_their_distance(capsys):
    with progress.show_progress("count", unit="things", every=1e9) as tell:
        for k in range(100):
            tell(k, 100)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_bar_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert progress.draws_bars()
    with progress.show_progress("count", unit="things") as tell:
        tell(2, 2)
    assert "2/2" in sys.stderr.getvalue()


def test_the_pace_of_an_extraction():
    clock = iter([100.0, 100.0, 110.0, 110.0])
    pace = Pace(now=lambda: next(clock))
    counts = Counts(to_probe=50, probed=30)
    assert pace.describe(counts) == "30/50 files probed"
    counts = Counts(shards=6, shards_done=2, videos=9, videos_done=3, segments=48, segments_done=16)
    assert pace.describe(counts) == "2/6 shards, 3/9 videos"  # nothing done by this run yet
    counts.shards_done, counts.videos_done, counts.segments_done = 3, 5, 24
    counts.own_videos, counts.own_segments, counts.frames = 2, 8, 1234
    counts.failed, counts.lost = 1, 2
    assert pace.describe(counts) == (
        "3/6 shards, 5/9 videos, 0.2 videos/s, 123 frames/s, 1 failed, 2 shards lost, 0:00:30 left"
    )


def test_nothing_is_left_at_the_end():
    clock = iter([0.0, 0.0, 2.0, 2.0])
    pace = Pace(now=lambda: next(clock))
    counts = Counts(shards=1, videos=1, segments=1)
    pace.describe(counts)
    counts.shards_done = counts.videos_done = counts.segments_done = 1
    counts.own_videos = counts.own_segments = 1
    assert pace.describe(counts) == "1/1 shards, 1/1 videos, 0.5 videos/s, 0 frames/s"


def test_counts_as_lines(capsys):
    counts = Counts(shards=4, videos=2, segments=8)
    with pytest.raises(KeyboardInterrupt), show_counts("extract", every=1e9) as watch:
        watch(counts)
        counts.shards_done, counts.segments_done, counts.own_segments = 1, 2, 2
        watch(counts)
        raise KeyboardInterrupt
    first, last = capsys.readouterr().err.splitlines()
    assert first == "extract: 0/4 shards, 0/2 videos"
    assert last.startswith("extract: 1/4 shards, 0/2 videos") and ", after 0:00:0" in last


def test_counts_as_a_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with show_counts("extract") as watch:
        watch(Counts(to_probe=4, probed=1))
        watch(Counts(shards=4, shards_done=4, videos=2, videos_done=2, segments=8, segments_done=8))
    assert "4/4 shards, 2/2 videos" in sys.stderr.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00:00"),
        (59.6, "0:01:00"),
        (3661, "1:01:01"),
        (36000, "10:00:00"),
        (266645, "3 d 02:04:05"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
