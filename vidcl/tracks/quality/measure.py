"""Measure a tracker, judgement or the whole chain on several sequences, in one call each.

from vidcl.tracks.config import FollowConfig
from vidcl.tracks.quality.measure import measure_chain, measure_free, total
from vidcl.tracks.quality.sequences import read_sequences

sequences = read_sequences("my_clips")
total(measure_free(sequences, "flow_cf")["starts"])       # {'auc': 0.63, 'above': 0.79, ...}
total(measure_chain(sequences, FollowConfig())["sums"])   # {'recall': 0.7, 'purity': 0.9, ...}
"""

from collections.abc import Mapping, Sequence
from typing import Any

from vidcl.progress import Progress
from vidcl.tracks.config import FollowConfig, TrackerName
from vidcl.tracks.quality.chain import chain_sums, run_chain
from vidcl.tracks.quality.runs import run_free, run_judged
from vidcl.tracks.quality.sequences import AnnotatedSequence
from vidcl.tracks.quality.summary import (
    Sums,
    curve_of,
    end_reasons,
    first_runs,
    kept_sums,
    success_sums,
)
from vidcl.tracks.quality.truth import TruthRows

#: Frames between two starts.
EVERY = 10


def measure_free(
    sequences: Sequence[AnnotatedSequence],
    tracker: TrackerName,
    *,
    every: int = EVERY,
    working_side: int = 160,
    progress: Progress | None = None,
) -> dict[str, dict[str, Any]]:
    """A tracker alone, from true boxes to the end of each sequence.

    Returns:
        ``first`` (from each object's first box) and ``starts`` (from every ``every`` frames):
        sequence -> ``success_sums``; ``curves``: sequence -> success curve of ``first``, [21].
    """
    out: dict[str, dict[str, Any]] = {"first": {}, "starts": {}, "curves": {}}
    for done, sequence in enumerate(sequences, 1):
        runs = run_free(sequence, tracker, every=every, working_side=working_side)
        out["first"][sequence.name] = success_sums(first_runs(runs))
        out["starts"][sequence.name] = success_sums(runs)
        out["curves"][sequence.name] = curve_of(first_runs(runs))
        if progress:
            progress(done, len(sequences))
    return out


def measure_judged(
    sequences: Sequence[AnnotatedSequence],
    config: FollowConfig,
    *,
    every: int = EVERY,
    progress: Progress | None = None,
) -> dict[str, dict[str, Any]]:
    """``config.tracker`` from true boxes until judgement ends the track.

    Returns:
        ``kept``: sequence -> ``kept_sums``; ``ends``: sequence -> reason -> tracks.
    """
    out: dict[str, dict[str, Any]] = {"kept": {}, "ends": {}}
    given = config.model_copy(update={"proposer": "given"})
    for done, sequence in enumerate(sequences, 1):
        runs = run_judged(sequence, given, every=every)
        out["kept"][sequence.name] = kept_sums(runs)
        out["ends"][sequence.name] = end_reasons(runs)
        if progress:
            progress(done, len(sequences))
    return out


def measure_chain(
    sequences: Sequence[AnnotatedSequence],
    config: FollowConfig,
    *,
    every: int = EVERY,
    gap: tuple[float, float] = (0.0, 3.0),
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, dict[str, Sums]]:
    """Proposer, tracker and judgement, from every ``every`` annotated frames of sequences with a
    box per frame, once per video for those with boxes at times.

    Returns:
        ``sums``: sequence -> ``chain_sums``.
    """
    out: dict[str, Sums] = {}
    for done, sequence in enumerate(sequences, 1):
        often = every if isinstance(sequence.truth, TruthRows) else None
        runs = run_chain(sequence, config, every=often, seed=seed)
        out[sequence.name] = chain_sums(runs, config, gap)
        if progress:
            progress(done, len(sequences))
    return {"sums": out}


def total(sums: Mapping[str, Sums]) -> dict[str, float]:
    """Each measure over all sequences: sum of the sums by sum of the weights; NaN for nothing."""
    out = {}
    for name in dict.fromkeys(name for row in sums.values() for name in row):
        pairs = [row[name] for row in sums.values() if name in row]
        weight = sum(pair[1] for pair in pairs)
        out[name] = sum(pair[0] for pair in pairs) / weight if weight else float("nan")
    return out
