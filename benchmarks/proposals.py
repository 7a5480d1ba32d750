"""Measure the proposers: is the annotated object among the first boxes they would start?

    python benchmarks/proposals.py DATA [--proposers combined random] [--by-sequence]

DATA holds annotated sequences at any depth, see vidcl/tracks/quality/sequences.py. A shot begins at
every tenth annotated frame and is seen at the follow rate; after four frames, when motion may be
believed, every proposer says what it has, and what `select` would start of it is compared with the
truth in that frame. Printed per proposer and group of sequences: the share of objects found at
IoU 0.5 among the first 8 and 16 boxes (mean over sequences, with its 95 % bootstrap interval over
sequences), boxes per shot, and processor time per shot: of the proposer alone, and with the flow of
the four frames where it needs that (a tracker that needs flow has it anyway).

`selective search, 480p` is the reference: OpenCV's "fast" on the frame itself, at most 480 pixels
high, in the order in which OpenCV returns the boxes, which is partly random. `random` is the mean
over several seeds. Set OMP_NUM_THREADS=1, or the times are not those of one thread.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import cv2
import numpy as np

from vidcl.errors import VidclError
from vidcl.progress import show_progress
from vidcl.tracks.boxes import iou
from vidcl.tracks.config import FollowConfig, ProposerName
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.base import Proposed, Proposer, Unseeing
from vidcl.tracks.proposers.build import build_proposer
from vidcl.tracks.proposers.select import select
from vidcl.tracks.quality.bootstrap import bootstrap
from vidcl.tracks.quality.sequences import AnnotatedSequence, Step, read_sequences
from vidcl.tracks.quality.settings import follow_config
from vidcl.tracks.quality.tables import cell
from vidcl.tracks.quality.truth import is_present

#: Constants were set while looking at these; what is said of the default comes from the others.
TUNING = ("blackswan", "camel", "car-shadow", "goat", "libby", "otb_Crossing")
REFERENCE = "selective search, 480p"
PROPOSERS = tuple(name for name in get_args(ProposerName) if name not in ("given", "frame"))
#: A shot begins at every so many annotated frames.
EVERY = 10
#: Followed frames of a shot that are seen: the first has no motion, and three sightings are asked.
SEEN = 4
#: IoU from which on an object is found.
FOUND = 0.5
#: Boxes among which it is looked for.
BUDGETS = (8, 16)
SEEDS = 10


class ReferenceSearch(Unseeing):
    """Selective search alone: on the whole frame, in its own order."""

    def propose(self, scene: Scene) -> Proposed:
        height, width = scene.image.shape[:2]
        share = min(1.0, 480 / min(height, width))
        size = (round(width * share), round(height * share))
        image = cv2.resize(scene.image, size, interpolation=cv2.INTER_AREA)
        search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
        search.setBaseImage(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        search.switchToSelectiveSearchFast()
        found = search.process().astype(np.float64)
        boxes = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], axis=1)
        return Proposed(scene.to_working(boxes / share), np.zeros(len(boxes)))


@dataclass
class Tally:
    """What one proposer did on one sequence.

    Attributes:
        objects: annotated objects looked for.
        found: how many of them were among the first boxes, per budget.
        boxes: boxes selected in all.
        shots: number of shots.
        own, shared: seconds of processor time of the proposer, and of the flow that it needs.
    """

    objects: int = 0
    found: dict[int, int] = field(default_factory=lambda: dict.fromkeys(BUDGETS, 0))
    boxes: int = 0
    shots: int = 0
    own: float = 0.0
    shared: float = 0.0

    def add(self, more: "Tally") -> None:
        """Count another one's shots too."""
        self.found = {budget: self.found[budget] + more.found[budget] for budget in BUDGETS}
        for name in ("objects", "boxes", "shots", "own", "shared"):
            setattr(self, name, getattr(self, name) + getattr(more, name))


def main(argv: list[str] | None = None) -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("data", type=Path, help="a folder of annotated sequences")
    add("--proposers", nargs="+", choices=PROPOSERS, default=list(PROPOSERS), metavar="NAME")
    add("--sequences", nargs="+", metavar="NAME", help="these alone")
    add("--follow", nargs="+", default=[], metavar="KEY=VALUE", help="settings of FollowConfig")
    add("--no-reference", action="store_true", help="leave out selective search at 480p (slow)")
    add("--by-sequence", action="store_true", help="also print every sequence")
    add("--seed", type=int, default=0, help="of the bootstrap and the random boxes")
    options = parser.parse_args(argv)
    cv2.setNumThreads(1)
    try:
        config = follow_config(options.follow, max_regions=max(BUDGETS))
        sequences = read_sequences(options.data, options.sequences)
        proposers = build(options.proposers, config, options.seed)
        if not options.no_reference:
            proposers.append((REFERENCE, ReferenceSearch()))
        tallies = measure(sequences, proposers, config)
    except VidclError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    names = [sequence.name for sequence in sequences]
    print(write_tables(tallies, names, options.seed, options.by_sequence), end="")
    return 0


def measure(
    sequences: list[AnnotatedSequence], proposers: list[tuple[str, Proposer]], config: FollowConfig
) -> dict[str, dict[str, Tally]]:
    """Proposer -> sequence -> what it did; proposers of one name are counted together."""
    tallies: dict[str, dict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))
    with show_progress("proposals", unit="sequences") as progress:
        for done, sequence in enumerate(sequences, start=1):
            for shot in shots(sequence, config.follow_rate):
                for name, tally in run(shot, proposers, config):
                    tallies[name][sequence.name].add(tally)
            progress(done, len(sequences))
    return tallies


def build(names: list[ProposerName], config: FollowConfig, seed: int) -> list[tuple[str, Proposer]]:
    """The proposers, several of ``random``."""
    built: list[tuple[str, Proposer]] = []
    for name in names:
        chosen = config.model_copy(update={"proposer": name})
        for number in range(SEEDS if name == "random" else 1):
            proposer = build_proposer(chosen, np.random.default_rng([seed, number]))
            assert proposer is not None
            built.append((name, proposer))
    return built


def shots(sequence: AnnotatedSequence, rate: float | None) -> Iterator[list[Step]]:
    """The first ``SEEN`` followed frames from every ``EVERY``-th annotated one; shots that the
    sequence's end cuts short, or in whose last frame no object is seen, are left out."""
    open_shots: list[list[Step]] = []
    annotated = 0
    for step in sequence.steps():
        if is_present(step.truth).any():
            if annotated % EVERY == 0:
                open_shots.append([])
            annotated += 1
        for shot in open_shots:
            due = 0.0 if rate is None or not shot else shot[0].frame.time + len(shot) / rate
            if step.frame.time >= due - 1e-3:
                shot.append(step)
        for shot in [shot for shot in open_shots if len(shot) == SEEN]:
            open_shots.remove(shot)
            if is_present(shot[-1].truth).any():
                yield shot


def run(
    shot: list[Step], proposers: list[tuple[str, Proposer]], config: FollowConfig
) -> Iterator[tuple[str, Tally]]:
    """Show one shot to all proposers and compare what they would start with the truth."""
    scene = Scene(config.working_side, with_flow=True)
    spent = [0.0] * len(proposers)
    flow = 0.0
    for _, proposer in proposers:
        proposer.reset()
    for step in shot:
        began = time.process_time()
        scene.advance(step.frame.image)
        flow += time.process_time() - began
        for k, (_, proposer) in enumerate(proposers):
            began = time.process_time()
            proposer.look(scene)
            spent[k] += time.process_time() - began
    truth = shot[-1].truth[is_present(shot[-1].truth)]
    for k, (name, proposer) in enumerate(proposers):
        began = time.process_time()
        ranked = replace(proposer.propose(scene), sure=None)  # no room is left: all 16 count
        chosen = select(ranked, np.zeros((0, 4)), scene, config)
        spent[k] += time.process_time() - began
        overlaps = iou(scene.to_source(chosen), truth)
        found = {n: int((overlaps[:n].max(axis=0, initial=0) >= FOUND).sum()) for n in BUDGETS}
        shared = flow if proposer.needs_flow else 0.0
        yield name, Tally(len(truth), found, len(chosen), 1, spent[k], shared)


def write_tables(
    tallies: dict[str, dict[str, Tally]], names: list[str], seed: int, by_sequence: bool
) -> str:
    """Markdown: one table for the tuning sequences, one for the others."""
    groups = {
        "Tuning": [name for name in names if name in TUNING],
        "Reporting": [name for name in names if name not in TUNING],
    }
    heads = ["", *(f"recall in {n}" for n in BUDGETS), "boxes", "ms/shot", "ms with flow"]
    lines: list[str] = []
    for title, members in groups.items():
        if not members:
            continue
        columns = [*heads, *(members if by_sequence else [])]
        lines += [f"## {title}: {', '.join(members)}", "", f"| {' | '.join(columns)} |"]
        lines.append("|---" * len(columns) + "|")
        for proposer, rows in tallies.items():
            cells = [proposer, *_cells([rows[name] for name in members], seed)]
            if by_sequence:
                recalls = [_recall(rows[name], max(BUDGETS)) for name in members]
                cells += ["-" if recall != recall else f"{recall:.2f}" for recall in recalls]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _cells(rows: list[Tally], seed: int) -> list[str]:
    cells = []
    for budget in BUDGETS:
        recalls = [_recall(row, budget) for row in rows]
        weights = [float(row.objects > 0) for row in rows]
        value = bootstrap(recalls, weights, np.random.default_rng(seed), draws=1000)
        cells.append(cell(value, "recall"))
    count = max(1, sum(row.shots for row in rows))
    own, shared = sum(row.own for row in rows), sum(row.shared for row in rows)
    cells.append(f"{sum(row.boxes for row in rows) / count:.1f}")
    return [*cells, f"{1e3 * own / count:.1f}", f"{1e3 * (own + shared) / count:.1f}"]


def _recall(row: Tally, budget: int) -> float:
    return row.found[budget] / row.objects if row.objects else float("nan")


if __name__ == "__main__":
    sys.exit(main())
