"""Fit how sure judgement is that a box still holds what it began on, and measure how well it knows.

    vidcl world --config world_v1 --out WORLD
    python benchmarks/judgement.py DATA WORLD
    python benchmarks/judgement.py DATA WORLD --clips 200 240 --penalty 0.021465
    python benchmarks/judgement.py DATA WORLD --patience 3 --thresholds 0.5 0.8 0.9
    python benchmarks/judgement.py DATA WORLD --smoke

DATA holds annotated sequences as benchmarks/tracking.py reads them, WORLD a rendered world. The
default tracker follows, unjudged, from true boxes: in DATA from every tenth annotated frame, in
WORLD from the third frame of every object. In each later frame the evidence of
vidcl/tracks/judgement/confidence.py is compared with whether the box is on its object (IoU of 0.5
or more). A logistic regression is fitted to the tuning sequences and the world, both with equal
weight; the reporting sequences are never fitted. (--clips 200 240 --penalty 0.021465 prints the
weights that confidence.py has.) Printed are, for the new fit and for confidence.py as it stands,

weights       WEIGHTS and CONSTANT, to be pasted; how far the present ones are off; how much they
              wander when whole sequences and clips are drawn again with replacement (95 %)
ROC           the area under the curve of all features together and of each alone
calibration   the predicted probability and the share of boxes that are on their object
kept          purity, and how much is kept, when a track ends after --patience frames in a row below
              a threshold and what was followed of them is dropped: over frames, and as a mean over
              sequences
half kept     the same at the threshold that keeps half of the tuning frames, for each feature alone
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from vidcl.errors import VidclError
from vidcl.progress import show_progress
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.judgement.confidence import CONSTANT, FEATURES, WEIGHTS, confidence
from vidcl.tracks.quality.evidence import Start, Trace, follow_unjudged, half_kept, kept_of, pooled
from vidcl.tracks.quality.logistic import area_under_roc, calibration, fit_logistic, logistic
from vidcl.tracks.quality.measure import total
from vidcl.tracks.quality.sequences import AnnotatedSequence, read_sequences

#: These are fitted; what is said of the fit comes from the others.
TUNING = ("blackswan", "camel", "car-shadow", "goat", "libby", "otb_Crossing")
#: Rendered clips unless --clips says which; frame of a clip in which its objects are given.
CLIPS, WORLD_START = 40, 2
#: Frames of each sequence, and resamples, in a smoke run.
SMOKE_FRAMES, SMOKE_DRAWS = 24, 4
#: What is told of kept tracks, over frames and as a mean over sequences.
KEPT = ("purity, frames", "purity, sequences", "share, frames", "share, sequences")

Score = Callable[[np.ndarray], np.ndarray]


def main(argv: list[str] | None = None) -> int:
    """Follow, fit and print; the exit status."""
    options = parse(argv)
    try:
        cv2.setNumThreads(1)
        print(report(collect(options), options))
    except VidclError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("data", type=Path, help="a folder of annotated sequences")
    add("world", type=Path, help="a folder made by `vidcl world`")
    add("--every", type=int, default=10, help="annotated frames between two starts")
    span = ("FROM", "TO")
    add("--clips", type=int, nargs=2, metavar=span, help=f"default: {CLIPS} spread over the world")
    add("--penalty", type=float, default=0.01, help="on squares of standardised weights")
    add("--patience", type=int, default=FollowConfig().patience, help="frames in a row")
    thresholds = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
    add("--thresholds", type=float, nargs="+", default=thresholds, metavar="P")
    add("--draws", type=int, default=200, help="resamples for the intervals")
    add("--seed", type=int, default=0, help="of the resamples")
    add("--smoke", action="store_true", help="two sequences of a kind, 24 frames: does it run?")
    return parser.parse_args(argv)


def collect(options: argparse.Namespace) -> dict[str, list[Trace]]:
    """The traces of ``tuning``, ``reporting`` and ``world``.

    Raises:
        VidclError: an option makes no sense, or a folder lacks what is needed.
    """
    for name in ("every", "patience", "draws", "penalty"):
        if getattr(options, name) <= 0:
            raise VidclError(f"--{name} is {getattr(options, name)}; give more than 0.")
    starts: dict[str, Start] = dict.fromkeys(
        ("tuning", "reporting"), lambda _, seen: seen % options.every == 0
    )
    starts["world"] = lambda index, _: index == WORLD_START
    config = FollowConfig()
    traces: dict[str, list[Trace]] = {}
    for name, sequences in groups(options).items():
        traces[name] = []
        with show_progress(name, unit="sequences") as progress:
            for done, sequence in enumerate(sequences, 1):
                traces[name] += follow_unjudged(sequence, config, starts[name])
                progress(done, len(sequences))
        if not traces[name] and name != "reporting":
            raise VidclError(f"Nothing can be followed in {name}; give longer sequences.")
    return traces


def groups(options: argparse.Namespace) -> dict[str, list[AnnotatedSequence]]:
    """The sequences of ``tuning``, ``reporting`` (there may be none) and ``world``."""
    frames = SMOKE_FRAMES if options.smoke else None
    found = read_sequences(options.data, max_frames=frames)
    clips = read_sequences(options.world, max_frames=frames)
    if options.clips:
        spread = clips[slice(*options.clips)]
    else:
        spread = clips[:: max(1, len(clips) // CLIPS)][:CLIPS]
    out = {
        "tuning": [sequence for sequence in found if sequence.name in TUNING],
        "reporting": [sequence for sequence in found if sequence.name not in TUNING],
        "world": spread,
    }
    if not spread:
        raise VidclError(f"--clips names none of the {len(clips)} clips of {options.world}.")
    if not out["tuning"]:
        raise VidclError(
            f"{options.data} has no sequence to fit; it needs one of {', '.join(TUNING)}."
        )
    return {name: rows[:2] for name, rows in out.items()} if options.smoke else out


def fit(tuning: Sequence[Trace], world: Sequence[Trace], penalty: float) -> np.ndarray:
    """Weights and, last, the constant, float64 [6]; each group is half of the whole."""
    halves = [pooled(tuning), pooled(world)]
    evidence, on = (np.concatenate([half[k] for half in halves]) for k in range(2))
    shares = np.concatenate([np.full(len(half[1]), 0.5 / len(half[1])) for half in halves])
    return fit_logistic(evidence, on, shares, penalty)


def redrawn(traces: Sequence[Trace], generator: np.random.Generator) -> list[Trace]:
    """The traces of as many sequences, drawn with replacement."""
    names = sorted({trace.sequence for trace in traces})
    drawn = generator.choice(names, len(names))
    return [trace for name in drawn for trace in traces if trace.sequence == name]


def report(traces: dict[str, list[Trace]], options: argparse.Namespace) -> str:
    """Fit, and describe the fit and the present weights: Markdown."""
    found = fit(traces["tuning"], traces["world"], options.penalty)
    seen = {name: pooled(rows) for name, rows in traces.items()}
    both: dict[str, Score] = {
        "new fit": lambda rows: logistic(rows, found),
        "confidence.py": confidence,
    }
    scores = both | {
        f"{name} alone": lambda rows, k=k: np.sign(WEIGHTS[k]) * rows[:, k]
        for k, name in enumerate(FEATURES)
    }
    lines = describe(found, traces, options)
    heads = [f"{name}, {len(on)} boxes" for name, (_, on) in seen.items()]
    areas = {
        label: [area_under_roc(score(rows), on) for rows, on in seen.values()]
        for label, score in scores.items()
    }
    lines += table("Area under the ROC curve", ["score", *heads], areas)
    for label, score in both.items():
        for name, (rows, on) in seen.items():
            bins = calibration(score(rows), on)
            cells = {f"{k / 10:.1f} to {(k + 1) / 10:.1f}": row for k, row in enumerate(bins)}
            heads = ["probability", "boxes", "predicted", "observed"]
            lines += table(f"Calibration, {label}, {name}", heads, cells)
    for label, score in both.items():
        for name, group in traces.items():
            limits = (0.0, *options.thresholds)
            ends = {f"{limit:g}": kept(group, score, limit, options) for limit in limits}
            lines += table(f"Kept, {label}, {name}", ["threshold", *KEPT], ends)
    levels = {}
    for label, score in scores.items():
        values = [score(trace.table()) for trace in traces["tuning"]]
        levels[label] = half_kept(traces["tuning"], values, options.patience)
    for name, group in traces.items():
        halves = {label: kept(group, scores[label], levels[label], options) for label in scores}
        lines += table(f"Half of the tuning frames kept, {name}", ["score", *KEPT], halves)
    return "\n".join(lines)


def describe(
    found: np.ndarray, traces: dict[str, list[Trace]], options: argparse.Namespace
) -> list[str]:
    """The new weights, ready to paste, against the present ones and their intervals."""
    generator = np.random.default_rng(options.seed)
    draws: list[np.ndarray] = []
    while len(draws) < (SMOKE_DRAWS if options.smoke else options.draws):
        tuning, world = (redrawn(traces[name], generator) for name in ("tuning", "world"))
        if len(np.unique(pooled([*tuning, *world])[1])) == 2:  # few clips may be all of one kind
            draws.append(fit(tuning, world, options.penalty))
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    present = np.append(WEIGHTS, CONSTANT)
    rows = pooled(trace for group in traces.values() for trace in group)[0]
    off = np.abs(logistic(rows, found) - confidence(rows))
    weights = {
        name: (found[k], low[k], high[k], present[k])
        for k, name in enumerate((*FEATURES, "constant"))
    }
    return [
        f"WEIGHTS = np.array([{', '.join(f'{weight:.3f}' for weight in found[:-1])}])",
        f"CONSTANT = {found[-1]:.3f}",
        "",
        f"The probabilities of confidence.py are off by {off.mean():.3f} on average, by "
        f"{off.max():.3f} at most.",
        *table("Weights", ["feature", "new fit", "from", "to", "confidence.py"], weights),
    ]


def kept(
    traces: Sequence[Trace], score: Score, threshold: float, options: argparse.Namespace
) -> list[float]:
    """The cells of ``KEPT``; NaN where nothing is kept."""
    values = [score(trace.table()) for trace in traces]
    sums = kept_of(traces, values, threshold, options.patience)
    cells = []
    for measure in ("purity", "kept_share"):
        pairs = [row[measure] for row in sums.values() if row[measure][1]]
        means = [part / whole for part, whole in pairs]
        cells += [total(sums).get(measure, np.nan), float(np.mean(means)) if means else np.nan]
    return cells


def table(title: str, heads: Sequence[str], rows: Mapping[str, Sequence[float]]) -> list[str]:
    """Lines of a Markdown table under its title; a dash where there was nothing to count."""
    lines = ["", f"### {title}", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for first, row in rows.items():
        cells = [str(v) if isinstance(v, int) else "-" if v != v else f"{v:.3f}" for v in row]
        lines.append(f"| {' | '.join([first, *cells])} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
