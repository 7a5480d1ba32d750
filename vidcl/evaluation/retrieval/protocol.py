"""Who asks, who may answer, and which answers are right.

Rules compose. By default every row asks and every other row is in its gallery (leave-one-out).
``split`` lets some rows only ask and others only answer. ``distractors`` are in every gallery, ask
nothing and are never right. Views of a query's instance closer than the minimum gap are not in its
gallery; they count neither as right nor as wrong.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.retrieval.gaps import Views
from vidcl.evaluation.retrieval.lists import Lists

#: Names in a column ``split``: the first of each that occurs asks, or answers.
ASKING = ("query", "test", "val")
ANSWERING = ("gallery", "train")
#: Code of rows that show nothing that is asked for.
DISTRACTOR = -1


@dataclass(frozen=True)
class Protocol:
    """The rows of a set by their parts in a search.

    ``codes`` int64 [N]: the instance of every row as a number, -1 for distractors. ``queries`` and
    ``gallery``: sorted row numbers; a row in both does not find itself. ``views``: gaps and their
    minimum. ``sentence`` describes it all.
    """

    codes: np.ndarray
    queries: np.ndarray
    gallery: np.ndarray
    views: Views
    sentence: str

    def own(self) -> Lists:
        """For every query, the rows of its instance in the gallery, itself left out."""
        gallery = self.gallery[self.codes[self.gallery] != DISTRACTOR]
        order = gallery[np.argsort(self.codes[gallery], kind="stable")]
        ordered = self.codes[order]
        asked = self.codes[self.queries]
        low = np.searchsorted(ordered, asked, side="left")
        counts = np.searchsorted(ordered, asked, side="right") - low
        starts = np.concatenate([[0], np.cumsum(counts)])
        inside = np.arange(starts[-1]) - np.repeat(starts[:-1], counts)
        rows = order[np.repeat(low, counts) + inside]
        owners = np.repeat(np.arange(len(asked)), counts)
        keep = rows != self.queries[owners]
        counts = np.bincount(owners[keep], minlength=len(asked))
        return Lists(np.concatenate([[0], np.cumsum(counts)]), rows[keep])


def retrieval_protocol(
    instances: np.ndarray,
    positions: np.ndarray | None = None,
    *,
    polar: np.ndarray | None = None,
    circular: bool = True,
    min_gap: float = 0.0,
    split: Any = None,
    distractors: np.ndarray | None = None,
) -> Protocol:
    """Put a protocol together.

    Args:
        instances: [N] names; those of distractors do not matter.
        positions: [N], azimuths in degrees, or with ``circular=False`` positions on a line. None,
            or one and the same within every instance: no gaps.
        polar: [N], degrees from the top, 0 to 180: gaps are angles on the sphere.
        min_gap: what is right must be at least so far away.
        split: [N] names (see ``ASKING`` and ``ANSWERING``), or two bool arrays [N]: who asks, who
            answers.
        distractors: bool [N].

    Raises:
        VidclError: lengths differ, a polar angle is outside 0..180, or the split leaves nobody to
            ask or to answer.
    """
    instances = np.asarray(instances)
    count = len(instances)
    for name, values in (("angles", positions), ("polar angles", polar)):
        if values is not None and len(values) != count:
            raise VidclError(f"There are {len(values)} {name} for {count} images.")
    asks, answers, said = _parts(split, count)
    away = np.zeros(count, dtype=bool)
    if distractors is not None:
        away = _mask(distractors, count, "distractors")
        asks, answers = asks & ~away, answers | away
    if not asks.any() or not answers.any():
        missing = "query" if not asks.any() else "gallery row"
        raise VidclError(f"The split leaves no {missing}: check the split and the distractors.")
    codes = np.unique(instances, return_inverse=True)[1].astype(np.int64)
    codes[away] = DISTRACTOR
    views = varying_views(instances, positions, circular, min_gap, polar)
    said += _gap_said(views)
    if away.any():
        said += f"; {int(away.sum())} distractors are in every gallery and never right"
    queries, gallery = np.flatnonzero(asks), np.flatnonzero(answers)
    return Protocol(codes, queries, gallery, views, said + ".")


def varying_views(
    instances: np.ndarray,
    positions: np.ndarray | None,
    circular: bool,
    min_gap: float,
    polar: np.ndarray | None = None,
) -> Views:
    """Views with their gaps; positions that are constant within every instance count as none."""
    views = Views(instances, None, circular, 0.0)
    if positions is None:
        return views
    line = np.asarray(positions, dtype=np.float64)
    tilt = None if polar is None else np.asarray(polar, dtype=np.float64)
    for name, values in (("angles", line), ("polar angles", tilt)):
        if values is not None and not np.isfinite(values).all():
            raise VidclError(f"{int((~np.isfinite(values)).sum())} of the {name} are not finite.")
    if tilt is not None and len(tilt) and (tilt.min() < 0 or tilt.max() > 180):
        raise VidclError("Polar angles are degrees from the top, 0 to 180.")
    _, first, index = np.unique(instances, return_index=True, return_inverse=True)
    columns = [line] if tilt is None else [line, tilt]
    if all(np.array_equal(values, values[first][index]) for values in columns):
        return views
    return Views(instances, line, circular, float(min_gap), tilt)


def _parts(split: Any, count: int) -> tuple[np.ndarray, np.ndarray, str]:
    if split is None:
        everyone = np.ones(count, dtype=bool)
        return everyone, everyone.copy(), "Every image is asked for among all other images"
    if isinstance(split, tuple):
        if len(split) != 2:
            raise VidclError("A split is a column of names, or two arrays: who asks, who answers.")
        asks, answers = (_mask(part, count, "split") for part in split)
        asking, answering = "query", "gallery"
    else:
        names = np.asarray(split).astype(str)
        if len(names) != count:
            raise VidclError(f"There are {len(names)} values of the split for {count} images.")
        present = set(names.tolist())
        asking = next((name for name in ASKING if name in present), "")
        answering = next((name for name in ANSWERING if name in present), "")
        if not asking or not answering:
            missing, wanted = ("query", ASKING) if not asking else ("gallery row", ANSWERING)
            raise VidclError(
                f"The split has no {missing}: one of its values must be {' or '.join(wanted)}."
            )
        asks, answers = names == asking, names == answering
    said = (
        f"{int(asks.sum())} images of the part {asking!r} are asked for among "
        f"{int(answers.sum())} of the part {answering!r}"
    )
    return asks, answers, said


def _mask(values: Any, count: int, name: str) -> np.ndarray:
    mask = np.asarray(values)
    if mask.dtype != np.bool_ or mask.shape != (count,):
        raise VidclError(f"The {name} must be true or false for each of the {count} images.")
    return mask.copy()


def _gap_said(views: Views) -> str:
    if views.positions is None:
        return ""
    return f", but for views of its own instance less than {views.min_gap:g} {views.kind} away"
