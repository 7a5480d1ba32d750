"""Measure shot cuts on real clips labelled by eye, and on transitions made of them.

    python benchmarks/shots.py DATA [--made 40]

DATA holds the files that benchmarks/shot_labels.csv names; those that are absent are left out. A
hard cut is found only on the first sampled frame of the new shot; a transition (a dissolve, a fade
from shot to shot) on any sampled frame from its first to the first pure one after it, once;
everything else that is marked is false. The second table is of clips made of the labelled ones and
gives the share of clips in which every mark is right.

Milliseconds per frame are processor time of the marking alone, decoding taken off. Set
OMP_NUM_THREADS=1, or they are not those of one thread.
"""

import argparse
import csv
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vidcl.errors import VidclError
from vidcl.tracks.quality.stopwatch import Stopwatch
from vidcl.tracks.quality.transitions import FLASHES, Frames, dissolve, fade, flash
from vidcl.tracks.shots.cuts import mark_cuts
from vidcl.video.frames import Frame
from vidcl.video.reader import VideoReader

LABELS = Path(__file__).parent / "shot_labels.csv"
#: Sampled frames per second; None is every frame.
RATES = (None, 12.0, 4.0)
#: Fast throughout: clips made of them are counted apart.
FAST = ("bmx-trees", "car-roundabout", "drift-straight", "horsejump-high", "parkour", "vot15_bag")
#: Frames of each shot of a made clip, their size, and frames per second.
_HALF, _SIZE, _RATE = 45, (256, 144), 24.0

Spans = list[tuple[int, int]]
#: Cuts found, marked falsely, missed.
Tally = tuple[int, int, int]


@dataclass(frozen=True)
class Labels:
    """What happens in a file.

    Attributes:
        file: path below DATA; a folder holds one picture per frame, 24 per second.
        first_frames: of each shot, from 0; after a transition the first pure one.
        transitions: first and last frame of each dissolve or fade; one that no first frame follows
            leads to no other shot.
        made: whether clips are made of it; no two such files show the same.
    """

    file: str
    first_frames: tuple[int, ...]
    transitions: tuple[tuple[int, int], ...]
    made: bool

    def cuts(self) -> Spans:
        """The frames (first, last) on which each cut may be marked, before sampling."""
        begins = {last + 1: first for first, last in self.transitions}
        return [(begins.get(frame, frame), frame) for frame in self.first_frames if frame > 0]

    def shots(self) -> list[tuple[int, int | None]]:
        """First and end of each shot, transitions left out; None is the end of the file."""
        stops = {last + 1: first for first, last in self.transitions}
        ends = [stops.get(frame, frame) for frame in self.first_frames[1:]]
        fades_out = [first for first, last in self.transitions if last + 1 not in self.first_frames]
        return list(zip(self.first_frames, [*ends, *fades_out, None], strict=False))


def read_labels(path: Path = LABELS) -> list[Labels]:
    """The rows of the file of labels."""
    with path.open(newline="") as file:
        return [
            Labels(
                row["file"],
                tuple(int(number) for number in row["first_frames"].split()),
                tuple(
                    (int(first), int(last))
                    for first, last in (span.split("-") for span in row["transitions"].split())
                ),
                row["made"] == "1",
            )
            for row in csv.DictReader(file)
        ]


def score(cuts: Iterable[tuple[int, int]], numbers: Sequence[int], marked: Iterable[int]) -> Tally:
    """Cuts found, marked falsely and missed; one of whose new shot no frame was sampled is none.

    Args:
        cuts: see ``Labels.cuts``; not overlapping.
        numbers: the sampled frames' numbers in the file, rising.
        marked: those of them that were marked.
    """
    found = missed = 0
    false = set(marked)
    for span in cuts:
        first, last = np.searchsorted(numbers, span)
        if last == len(numbers):
            continue
        right = {number for number in false if numbers[first] <= number <= numbers[last]}
        found += bool(right)
        missed += not right
        false -= set(sorted(right)[:1])
    return found, len(false), missed


def read_frames(path: Path, rate: float | None, max_side: int | None = None) -> Iterator[Frame]:
    """Frames of a video, or the pictures of a folder as 24 per second."""
    if not path.is_dir():
        with VideoReader(path, max_side=max_side) as reader:
            yield from reader.frames(rate=rate)
        return
    for k, name in enumerate(sorted(path.glob("*.jpg"))):
        if k % (1 if rate is None else round(_RATE / rate)) == 0:
            yield Frame(cv2.cvtColor(cv2.imread(str(name)), cv2.COLOR_BGR2RGB), k / _RATE)


def mark_file(path: Path, rate: float | None) -> tuple[list[int], list[int], float]:
    """Numbers of the sampled frames, of those marked, and milliseconds per sampled frame."""
    numbers = {frame.time: k for k, frame in enumerate(read_frames(path, None, 64))}
    watch = Stopwatch()

    def decoded() -> Iterator[Frame]:
        frames = read_frames(path, rate)
        while True:
            with watch.stage("decode"):
                frame = next(frames, None)
            if frame is None:
                return
            yield frame

    with watch.stage("mark"):
        marks = [(numbers[frame.time], is_cut) for frame, is_cut in mark_cuts(decoded())]
    found = [number for number, is_cut in marks if is_cut]
    return [number for number, _ in marks], found, 1e3 * watch.spent["mark"] / max(1, len(marks))


def real_table(data: Path, files: Sequence[Labels]) -> Iterator[str]:
    """Lines of Markdown, one per file; counts are found / false / missed."""
    yield "| file | frames | labelled | every frame | 12/s | 4/s | ms/frame |"
    yield "|---|---|---|---|---|---|---|"
    totals = np.zeros((len(RATES), 3), int)
    for labels in files:
        runs = [mark_file(data / labels.file, rate) for rate in RATES]
        counts = [score(labels.cuts(), numbers, found) for numbers, found, _ in runs]
        totals += counts
        cells = [f"{found} / {false} / {missed}" for found, false, missed in counts]
        heads = f"{labels.file} | {len(runs[0][0])} | {len(labels.cuts())}"
        yield f"| {heads} | {' | '.join(cells)} | {runs[0][2]:.2f} |"
    sums = " | ".join(f"{found} / {false} / {missed}" for found, false, missed in totals)
    yield f"| all | - | {sum(len(labels.cuts()) for labels in files)} | {sums} | - |"


def read_excerpts(data: Path, labels: Labels) -> Iterator[tuple[str, Frames]]:
    """(file, frames) of every shot long enough; a short one runs back and forth."""
    for first, end in labels.shots():
        frames = read_frames(data / labels.file, None, _SIZE[0])
        span = itertools.islice(frames, first, min(first + _HALF, end or first + _HALF))
        images = [cv2.resize(frame.image, _SIZE, interpolation=cv2.INTER_AREA) for frame in span]
        if len(images) >= 12:
            there_and_back = itertools.cycle([*images, *images[-2:0:-1]])
            yield labels.file, list(itertools.islice(there_and_back, _HALF))


def made_clips(
    before: Frames, after: Frames, rng: np.random.Generator
) -> Iterator[tuple[str, Frames, Spans]]:
    """(kind, frames, cuts) of clips made of two shots."""
    yield "splice", before + after, [(len(before), len(before))]
    for length in (6, 12, 24):
        images, span = dissolve(before, after, length)
        yield f"dissolve of {length}", images, [span]
    level, length, hold = (0, 255)[rng.integers(2)], int(rng.integers(4, 16)), int(rng.integers(12))
    images, span = fade(before, after, length, hold, level)
    yield "fade to another shot", images, [span]
    back = [*before[: -length - 1 : -1], *before[: -length - 1][::-1]]
    yield "fade and back", fade(before, back, length, hold, level)[0], []
    at, length = int(rng.integers(8, len(before) - 8)), int(rng.integers(1, 4))
    for name, light in FLASHES.items():
        yield f"flash, {name}", flash(before, at, length, light), []
    yield "one shot", before, []


def made_table(data: Path, files: Sequence[Labels], count: int, seed: int) -> Iterator[str]:
    """Lines of Markdown, one per kind of made clip: the share of clips with every mark right."""
    excerpts = [shot for labels in files if labels.made for shot in read_excerpts(data, labels)]
    yield "| made clips | of shots | every frame | 12/s | 4/s |"
    yield "|---|---|---|---|---|"
    for group in ("mixed", "fast"):
        pool = [shot for shot in excerpts if any(f in shot[0] for f in FAST) == (group == "fast")]
        if len({file for file, _ in pool}) < 2:
            continue
        rng = np.random.default_rng(seed)
        right: dict[str, np.ndarray] = {}
        for _ in range(count):
            one, other = rng.choice(len(pool), 2, replace=False)
            while pool[one][0] == pool[other][0]:
                other = rng.integers(len(pool))
            for kind, images, cuts in made_clips(pool[one][1], pool[other][1], rng):
                marks = [_is_right(images, cuts, rate) for rate in RATES]
                right[kind] = right.get(kind, np.zeros(len(RATES))) + marks
        for kind, sums in right.items():
            shares = " | ".join(f"{100 * value / count:.0f} %" for value in sums)
            yield f"| {kind} | {group} | {shares} |"


def _is_right(images: Frames, cuts: Spans, rate: float | None) -> bool:
    numbers = range(0, len(images), 1 if rate is None else round(_RATE / rate))
    marks = mark_cuts(Frame(images[k], k / _RATE) for k in numbers)
    found = [number for number, (_, is_cut) in zip(numbers, marks, strict=True) if is_cut]
    return score(cuts, numbers, found)[1:] == (0, 0)


def run(options: argparse.Namespace) -> None:
    """Print both tables, line by line."""
    cv2.setNumThreads(1)
    files = [labels for labels in read_labels() if (options.data / labels.file).exists()]
    if not files:
        raise VidclError(f"{options.data} has none of the files that {LABELS.name} names.")
    if options.made < 1:
        raise VidclError(f"--made is {options.made}; give at least 1.")
    made = made_table(options.data, files, options.made, options.seed)
    for line in itertools.chain(real_table(options.data, files), [""], made):
        print(line, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--made", type=int, default=40, help="made clips per kind and group")
    parser.add_argument("--seed", type=int, default=0)
    try:
        run(parser.parse_args(argv))
    except VidclError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
