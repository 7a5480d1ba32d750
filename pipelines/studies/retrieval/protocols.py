"""Retrieval by the protocol that was asked for: split, distractors, several minimum gaps."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vidcl.datasets.labelled import LabelledSet
from vidcl.errors import VidclError
from vidcl.evaluation.config import EvaluationConfig
from vidcl.evaluation.galleries import pack_gallery, spread_order
from vidcl.evaluation.retrieval.lists import kept
from vidcl.evaluation.retrieval.measure import retrieval_metrics
from vidcl.evaluation.retrieval.protocol import Protocol, retrieval_protocol
from vidcl.evaluation.retrieval.search import nearest

#: Neighbours per query on the page.
NEIGHBOURS = 10


def set_protocol(
    data: LabelledSet,
    distractors: Sequence[LabelledSet],
    config: EvaluationConfig,
    split_column: str | None = None,
) -> Protocol:
    """Who asks and who answers, over the rows of a set and behind them those of the distractors.

    Raises:
        VidclError: the set lacks a column, the split leaves nobody to ask or to answer, or no query
            has a right answer.
    """
    count, more = len(data), sum(len(part) for part in distractors)

    def padded(name: str, fill: Any) -> np.ndarray | None:
        values = data.labels.get(name)
        return None if values is None else np.concatenate([values, np.full(more, fill)])

    names = data.labels[config.instance_column].astype(str)
    split: Any = None
    if split_column is not None:
        if split_column not in data.labels:
            raise VidclError(
                f"The set {data.name} has no label column '{split_column}' (columns: "
                f"{', '.join(data.labels)}): leave --split-column out or name another."
            )
        split = padded(split_column, "")
    away = np.arange(count + more) >= count
    protocol = retrieval_protocol(
        # no name of the set is longer, so no distractor is one of its instances
        np.concatenate([names, np.full(more, "x" * (names.dtype.itemsize // 4 + 1))]),
        padded(config.angle_column, 0.0),
        polar=padded(config.polar_column, 0.0) if config.angle_column in data.labels else None,
        min_gap=config.min_gap,
        split=split,
        distractors=away if more else None,
    )
    if not len(asked(protocol)):
        raise VidclError(
            f"No image of {data.name} has another view of its instance at least "
            f"{protocol.views.min_gap:g} degrees away: lower --min-gap or check --instance-column."
        )
    return protocol


def asked(protocol: Protocol) -> np.ndarray:
    """Rows of the queries that have a right answer."""
    own = protocol.own()
    far = _gaps(protocol) >= protocol.views.min_gap
    return protocol.queries[np.unique(own.owners()[far])]


def measured(
    features: np.ndarray,
    protocol: Protocol,
    config: EvaluationConfig,
    device: str,
) -> dict[str, Any]:
    """``retrieval_metrics`` with the settings of a measurement."""
    return retrieval_metrics(
        features,
        protocol,
        config.recall_at,
        gaps=config.min_gaps,
        gap_edges=config.gap_edges,
        backend=config.backend,
        device=device,
        bootstrap=config.bootstrap,
        seed=config.seed,
    )


def gallery(
    name: str,
    data: LabelledSet,
    features: Mapping[str, Callable[[], np.ndarray]],
    protocol: Protocol,
    config: EvaluationConfig,
    *,
    most: int,
    device: str,
    content_hash: str | None,
) -> dict[str, Any]:
    """What every system finds, for the page.

    Args:
        data: the set and the distractors behind one another.
        features: {system: how to get its float [N, D]}, one at a time.
        most: pictures kept.
    """
    queries = asked(protocol)
    rows = queries[np.sort(spread_order(len(queries))[:most])]
    near = kept(protocol.own(), _gaps(protocol) < protocol.views.min_gap)

    def excluded(some: np.ndarray) -> list[np.ndarray]:
        places = np.searchsorted(protocol.queries, some)
        return [np.union1d(near.of(p), [row]) for p, row in zip(places, some, strict=True)]

    found = {
        system: nearest(
            get(),
            rows,
            NEIGHBOURS,
            excluded,
            among=protocol.gallery,
            backend=config.backend,
            device=device,
        )
        for system, get in features.items()
    }
    packed = pack_gallery(
        name,
        data,
        data.labels[config.instance_column],
        rows,
        found,
        protocol=protocol.sentence,
        content_hash=content_hash,
        most=most,
    )
    return packed | {"asked": len(queries)}


def joined(data: LabelledSet, distractors: Mapping[str, LabelledSet], column: str) -> LabelledSet:
    """A set and its distractors as one, with names of instances only."""
    parts = [data, *distractors.values()]
    starts = np.cumsum([0, *(len(part) for part in parts)])
    names = [data.labels[column].astype(str)]
    names += [np.full(len(part), f"distractor ({name})") for name, part in distractors.items()]
    boxes = None
    if any(part.boxes is not None for part in parts):
        boxes = np.concatenate([_boxes(part) for part in parts])

    def read(index: int) -> bytes:
        part = int(np.searchsorted(starts, index, side="right")) - 1
        return parts[part].read(index - int(starts[part]))

    return LabelledSet(data.name, {column: np.concatenate(names)}, read, int(starts[-1]), boxes)


def _boxes(data: LabelledSet) -> np.ndarray:
    """A box for every image; one that is larger than any image where a set has none."""
    return np.tile([0.0, 0.0, 1e9, 1e9], (len(data), 1)) if data.boxes is None else data.boxes


def _gaps(protocol: Protocol) -> np.ndarray:
    """Of every query to each row of its instance, as the lists of ``own``."""
    own = protocol.own()
    return protocol.views.pair_gaps(protocol.queries[own.owners()], own.rows)
