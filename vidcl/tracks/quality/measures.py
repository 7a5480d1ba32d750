"""How well followed boxes lie on the true ones.

The success curve and its area are those of the one-pass evaluation of Wu et al., "Object Tracking
Benchmark" (2015). A frame whose truth is unknown counts nowhere; one in which the object is absent
counts as a miss where purity is asked for, and nowhere in the success measures, as is the custom.
"""

import numpy as np

from vidcl.tracks.quality.truth import is_known, is_present

#: IoU above which a frame is a success, for the success curve.
THRESHOLDS = np.linspace(0.0, 1.0, 21)
#: From this IoU on a box is on its object.
ON_OBJECT = 0.5
#: Pixels within which a centre is precise, at the clip's own resolution.
PRECISE = 20.0
#: Tracks keep their times as float32 seconds: gaps are compared with this much slack.
GAP_SLACK = 1e-4


def overlaps(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """IoU of each box with the true one in its row, float64 [T] in [0, 1].

    NaN where the truth is unknown, 0 where the object is absent or the box is not finite.

    Args:
        boxes, truth: float64 [T, 4], xyxy in the same pixels.
    """
    sides = np.minimum(boxes[:, 2:], truth[:, 2:]) - np.maximum(boxes[:, :2], truth[:, :2])
    common = np.clip(sides, 0, None).prod(axis=1)
    both = _areas(boxes) + _areas(truth) - common
    out = common / np.where(both > 0, both, 1.0)
    out = np.where(np.isfinite(boxes).all(axis=1), out, 0.0)
    return np.where(is_known(truth), out, np.nan)


def centre_distances(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pixels between the centres, float64 [T]; NaN where the object is absent or unknown, infinite
    where the box is not finite."""
    between = (boxes[:, :2] + boxes[:, 2:] - truth[:, :2] - truth[:, 2:]) / 2
    apart = np.hypot(between[:, 0], between[:, 1])
    apart = np.where(np.isfinite(boxes).all(axis=1), apart, np.inf)
    return np.where(is_present(truth), apart, np.nan)


def success_curve(values: np.ndarray) -> np.ndarray:
    """The share of frames with IoU above each of ``THRESHOLDS``, float64 [21].

    Args:
        values: IoU of frames, [T]; NaN ones are left out, and no frame at all gives NaN.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return np.full(len(THRESHOLDS), np.nan)
    return (values[:, None] > THRESHOLDS[None, :]).mean(axis=0)


def success_auc(values: np.ndarray) -> float:
    """The mean of the success curve, in [0, 1]."""
    return float(success_curve(values).mean())


def share_above(values: np.ndarray, threshold: float = 0.5) -> float:
    """The share of frames with IoU above ``threshold``; NaN for none."""
    return _mean(values[np.isfinite(values)] > threshold)


def mean_iou(values: np.ndarray) -> float:
    """The mean IoU of the frames; NaN for none."""
    return _mean(values[np.isfinite(values)])


def precision(distances: np.ndarray, within: float = PRECISE) -> float:
    """The share of frames whose centre is off by at most ``within`` pixels; NaN for none."""
    return _mean(distances[~np.isnan(distances)] <= within)


def purity(values: np.ndarray) -> float:
    """The share of a track's boxes on the object it started on; NaN for none.

    Args:
        values: IoU of its boxes with that object, [T]; NaN where nobody knows.
    """
    return _mean(values[np.isfinite(values)] >= ON_OBJECT)


def same_object_pairs(
    times: np.ndarray, values: np.ndarray, gap: tuple[float, float]
) -> tuple[int, int]:
    """Positive pairs that a sampler may draw from one track, and how many hold one object twice.

    A pair is two different boxes whose times differ by ``gap[0]`` to ``gap[1]``, as in
    ``vidcl.training.pairs``; it holds one object twice if there is an object that both boxes
    overlap by IoU >= 0.5.

    Args:
        times: float64 [T], seconds, increasing.
        values: IoU of each box with each of K objects, [T, K]; NaN counts as 0.
        gap: seconds, from and to.

    Returns:
        (pairs, those that hold one object twice).
    """
    on = np.nan_to_num(values, nan=0.0) >= ON_OBJECT
    begins = np.searchsorted(times, times + gap[0] - GAP_SLACK)
    ends = np.searchsorted(times, times + gap[1] + GAP_SLACK, side="right")
    pairs = same = 0
    for k, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        window = on[max(begin, k + 1) : end]
        pairs += len(window)
        same += int((window & on[k]).any(axis=1).sum())
    return pairs, same


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
