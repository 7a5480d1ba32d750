"""Retrieval among a user's own tracks: what can be measured on video without a label.

Two crops of one track that lie at least half the track apart are query and right answer; the
gallery holds every crop of every other track, those of the same video among them. Crops of the
query's own track nearer than that are left out.

Caution. Two tracks may follow one object (two proposals, or one object lost and found again). Their
crops count as wrong answers, so the figures are a lower bound and compare encoders on the same
tracks only. The raw-pixel and colour-histogram rows belong beside them: in a still scene both do
well, because a track's background stays.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from vidcl.datasets.labelled import LabelledSet
from vidcl.errors import VidclError
from vidcl.evaluation.retrieval.cross_view import cross_view_retrieval
from vidcl.evaluation.retrieval.search import Backend
from vidcl.evaluation.table import table_column, table_features

HALF = 0.5
# Positions are stored as double precision; the last half must survive rounding.
TOLERANCE = 1e-9


def track_set(
    track_ids: Sequence[str],
    video_ids: Sequence[str],
    times: Sequence[np.ndarray],
    read: Callable[[int, int], bytes],
    *,
    crops_per_track: int = 8,
    name: str = "tracks",
) -> LabelledSet:
    """Tracks as a labelled set: up to ``crops_per_track`` crops of each, evenly over its time.

    Args:
        track_ids, video_ids: one per track.
        times: per track, the seconds of its crops, ascending, [T].
        read: ``read(track, step)`` gives the encoded crop; ``track`` counts from 0 in the order of
            ``track_ids``.

    Returns:
        Labels ``instance`` (track id), ``video``, ``position`` (0 at the track's first crop, 1 at
        its last) and ``time`` (s). Tracks with fewer than two distinct times are left out.

    Raises:
        VidclError: fewer than two tracks are left.
    """
    chosen: list[tuple[int, int]] = []
    positions: list[float] = []
    for track, moments in enumerate(times):
        span = float(moments[-1] - moments[0]) if len(moments) else 0.0
        if span <= 0:
            continue
        for step in sample_steps(np.asarray(moments), crops_per_track):
            chosen.append((track, int(step)))
            positions.append(float(moments[step] - moments[0]) / span)
    tracks = np.asarray([track for track, _ in chosen], dtype=np.int64)
    if len(np.unique(tracks)) < 2:
        raise VidclError(
            "Retrieval among tracks needs at least two held-out tracks of two crops or more: "
            "extract more video."
        )
    labels = {
        "instance": np.asarray(track_ids, dtype=str)[tracks],
        "video": np.asarray(video_ids, dtype=str)[tracks],
        "position": np.asarray(positions),
        "time": np.asarray([float(times[track][step]) for track, step in chosen]),
    }
    return LabelledSet(name, labels, lambda index: read(*chosen[index]), len(chosen))


def sample_steps(times: np.ndarray, count: int) -> np.ndarray:
    """At most ``count`` steps of a track, evenly over its time, first and last among them."""
    wanted = np.linspace(times[0], times[-1], count)
    right = np.clip(np.searchsorted(times, wanted), 1, len(times) - 1)
    nearer_left = wanted - times[right - 1] <= times[right] - wanted
    return np.unique(np.where(nearer_left, right - 1, right))


def half_track_retrieval(
    features: np.ndarray,
    track_ids: np.ndarray,
    positions: np.ndarray,
    video_ids: np.ndarray,
    *,
    k: Sequence[int] = (1, 5),
    backend: Backend = "auto",
    bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Recall@k and mAP of the protocol above.

    Args:
        features: float [N, D].
        track_ids, video_ids: [N].
        positions: [N], 0 at a track's start and 1 at its end.

    Returns:
        As ``cross_view_retrieval`` without the gap curve; intervals resample tracks. Also
        ``tracks`` and ``videos`` (counts).
    """
    result = cross_view_retrieval(
        features,
        track_ids,
        positions,
        HALF - TOLERANCE,
        k,
        circular=False,
        gap_edges=(0.0, 1.0),
        backend=backend,
        bootstrap=bootstrap,
        seed=seed,
    )
    return result | {
        "gap_curve": [],
        "min_gap": HALF,
        "tracks": len(np.unique(track_ids)),
        "videos": len(np.unique(video_ids)),
    }


def half_track_metrics(table: pa.Table, **options: Any) -> dict[str, Any]:
    """``half_track_retrieval`` of an embedded ``track_set``."""
    return half_track_retrieval(
        table_features(table),
        table_column(table, "instance"),
        table_column(table, "position"),
        table_column(table, "video"),
        **options,
    )
