"""Measure trackers, judgement and the whole chain on clips with true boxes.

    python benchmarks/tracking.py DATA --out results
    python benchmarks/tracking.py DATA --out results --trackers csrt kcf     # adds to the tables
    python benchmarks/tracking.py DATA --out results --measures chain \\
        --chains motion+flow_cf random+flow_cf
    python benchmarks/tracking.py DATA --out aside --follow min_confidence=0.3 --sequences goat
    python benchmarks/tracking.py DATA --out results --overlays ~/looked_at

DATA holds annotated sequences at any depth: folders with groundtruth.txt (x, y, w, h per line) and
video.mp4 or img/, or videos/NAME.mp4 with boxes/NAME.json; see vidcl/tracks/quality/sequences.py.
What is measured:

free    a tracker alone, first box given, never restarted: once from the first frame, and from every
        tenth annotated frame to the end of the sequence
kept    the same under judgement, which ends tracks: purity, and how much is kept
time    processor time per frame with 1 and 16 regions (the object and copies of it at random
        places), all trackers in turns on the same frames, compared with CSRT, which is always timed
        along; a slow tracker is timed on fewer frames
chain   proposer, tracker and judgement as in an extraction, from every tenth annotated frame (once
        per video where there are boxes/NAME.json)

The given box itself never counts. Intervals are 95 % bootstrap intervals over sequences. --out gets
results.json, table.md and success.png; a later run with the same settings adds to them. Set
OMP_NUM_THREADS=1, or the times are not those of one thread.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, get_args

import cv2

from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.progress import show_progress
from vidcl.tracks.config import FollowConfig, ProposerName, TrackerName
from vidcl.tracks.crops import encode_jpeg
from vidcl.tracks.quality.curves import plot_success
from vidcl.tracks.quality.measure import EVERY, measure_chain, measure_free, measure_judged
from vidcl.tracks.quality.results import load_results, provenance, save_results
from vidcl.tracks.quality.sequences import AnnotatedSequence, read_sequences
from vidcl.tracks.quality.settings import follow_config
from vidcl.tracks.quality.sheet import contact_sheet
from vidcl.tracks.quality.tables import REFERENCE, write_tables
from vidcl.tracks.quality.timing import compare_times

PROJECT = Path(__file__).resolve().parents[1]
#: Constants were set while looking at these; what is said of the default comes from the others.
TUNING = ("blackswan", "camel", "car-shadow", "goat", "libby", "otb_Crossing")
TRACKERS = tuple(name for name in get_args(TrackerName) if name != "given")
MEASURES = ("free", "kept", "time", "chain")
#: Sequences on which trackers are timed, evenly spread over those asked for.
TIMED = 4


def main(argv: list[str] | None = None) -> int:
    """Measure, write and print; the exit status."""
    options = parse(argv)
    try:
        run(options)
    except VidclError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def parse(argv: list[str] | None) -> argparse.Namespace:
    default = FollowConfig()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("data", type=Path, help="a folder of annotated sequences")
    add("--out", type=Path, required=True, help="folder for results.json, table.md, success.png")
    add("--trackers", nargs="+", choices=TRACKERS, metavar="NAME", help="all by default")
    add("--chains", nargs="+", default=[f"{default.proposer}+{default.tracker}"], metavar="P+T")
    add("--measures", nargs="+", choices=MEASURES, default=list(MEASURES))
    add("--sequences", nargs="+", metavar="NAME", help="these alone")
    add("--follow", nargs="+", default=[], metavar="KEY=VALUE", help="of FollowConfig")
    add("--every", type=int, default=EVERY, help="annotated frames between two starts")
    add("--gap", nargs=2, type=float, default=(0.0, 3.0), help="seconds between two of a pair")
    add("--timing-seconds", type=float, default=2.0, help="per tracker and sequence")
    add("--seed", type=int, default=0)
    add("--smoke", action="store_true", help="two sequences, 16 frames: does it run?")
    add("--overlays", type=Path, help="contact sheets here; outside the project")
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> None:
    """Measure what is asked for; everything is saved after each tracker and chain."""
    if options.overlays and options.overlays.resolve().is_relative_to(PROJECT):
        raise VidclError(
            f"--overlays {options.overlays} lies inside the project; give a folder outside it, "
            "since pictures of the data must not get into it."
        )
    cv2.setNumThreads(1)
    cv2.setRNGSeed(options.seed)
    follow = follow_config(options.follow, max_regions=16)
    chains = {name: chain_config(name, follow) for name in options.chains}
    frames = 16 if options.smoke else None
    sequences = read_sequences(options.data, options.sequences, frames)
    if options.smoke:
        sequences, options.timing_seconds = sequences[:2], 0.05
    if options.trackers is None:
        options.trackers = [follow.tracker, "static"] if options.smoke else list(TRACKERS)
    if options.every < 1:
        raise VidclError(f"--every is {options.every}; give at least 1.")
    path = options.out / "results.json"
    results = load_results(path, settings(options, follow, sequences))
    results["made"] = provenance()
    for name in options.trackers:
        entry = results.setdefault("trackers", {}).setdefault(name, {})
        judged = follow.model_copy(update={"tracker": name})
        if "free" in options.measures:
            with show_progress(f"{name}, free", unit="sequences") as progress:
                entry |= measure_free(
                    sequences,
                    name,
                    every=options.every,
                    working_side=follow.working_side,
                    progress=progress,
                )
        if "kept" in options.measures:
            with show_progress(f"{name}, kept", unit="sequences") as progress:
                entry |= measure_judged(sequences, judged, every=options.every, progress=progress)
        entry["commit"] = results["made"]["commit"]
        save_results(path, results)
    if "time" in options.measures:
        for name, times in measure_time(options, sequences, follow.working_side).items():
            results["trackers"][name]["time"] = times
        save_results(path, results)
    if "chain" in options.measures:
        for name, config in chains.items():
            with show_progress(name, unit="sequences") as progress:
                entry = measure_chain(
                    sequences,
                    config,
                    every=options.every,
                    gap=(options.gap[0], options.gap[1]),
                    seed=options.seed,
                    progress=progress,
                )
            entry["commit"] = results["made"]["commit"]
            results.setdefault("chains", {})[name] = entry
            save_results(path, results)
    report(options.out, sequences, results)
    if options.overlays:
        write_overlays(options.overlays, follow, sequences)


def chain_config(name: str, follow: FollowConfig) -> FollowConfig:
    """The configuration of ``proposer+tracker``."""
    proposer, plus, tracker = name.partition("+")
    if not plus or proposer not in get_args(ProposerName) or tracker not in get_args(TrackerName):
        known = [", ".join(get_args(kind)) for kind in (ProposerName, TrackerName)]
        raise VidclError(
            f"--chains {name}: write PROPOSER+TRACKER with one of {known[0]} and one of {known[1]}."
        )
    return follow.model_copy(update={"proposer": proposer, "tracker": tracker})


def settings(
    options: argparse.Namespace, follow: FollowConfig, sequences: list[AnnotatedSequence]
) -> dict[str, Any]:
    """What must agree for figures to stand in one table."""
    return {
        "sequences": [sequence.name for sequence in sequences],
        "frames": sequences[0].max_frames,
        "every": options.every,
        "seed": options.seed,
        "gap": list(options.gap),
        "follow": follow.model_dump(mode="json"),
    }


def measure_time(
    options: argparse.Namespace, sequences: list[AnnotatedSequence], side: int
) -> dict[TrackerName, dict[str, Any]]:
    """Tracker -> its entry ``time``: number of regions -> figures."""
    picked = sequences[:: max(1, len(sequences) // TIMED)][:TIMED]
    times: dict[TrackerName, dict[str, Any]] = {name: {} for name in options.trackers}
    for regions in (1, 4 if options.smoke else 16):
        with show_progress(f"time, {regions} regions", unit="sequences") as progress:
            figures = compare_times(
                picked,
                options.trackers,
                REFERENCE,
                regions,
                budget=options.timing_seconds,
                seed=options.seed,
                working_side=side,
                progress=progress,
            )
        for name, row in figures.items():
            times[name][str(regions)] = row | {"sequences": [s.name for s in picked]}
    return times


def report(out: Path, sequences: list[AnnotatedSequence], results: dict[str, Any]) -> None:
    """Write table.md and success.png, and print the tables."""
    names = [sequence.name for sequence in sequences]
    parts = {
        "tuning": [name for name in names if name in TUNING],
        "reporting": [name for name in names if name not in TUNING],
    }
    panels = parts if all(parts.values()) else {"all": names}
    seed = results["settings"]["seed"]
    tables = write_tables(results, {**panels, "all": names}, seed)
    made = results["made"]
    about = f"{made['cpu']}, OpenCV {made['opencv']}, commit {made['commit']}."
    write_atomic(out / "table.md", f"{about}\n\n{tables}".encode())
    print(tables)
    curves = {n: e["curves"] for n, e in results.get("trackers", {}).items() if "curves" in e}
    if curves:
        plot_success(curves, panels, out / "success.png")
    print(f"written: {out / 'results.json'}, {out / 'table.md'}", file=sys.stderr)


def write_overlays(folder: Path, follow: FollowConfig, sequences: list[AnnotatedSequence]) -> None:
    """One contact sheet per sequence: truth white, the tracker of ``follow`` coloured."""
    with show_progress("overlays", unit="sequences") as progress:
        for done, sequence in enumerate(sequences, 1):
            given = follow.model_copy(update={"proposer": "given"})
            sheet = contact_sheet(sequence, given)
            write_atomic(folder / f"{sequence.name}.jpg", encode_jpeg(sheet, 90))
            progress(done, len(sequences))


if __name__ == "__main__":
    sys.exit(main())
