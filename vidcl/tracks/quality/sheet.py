"""A contact sheet of one run: truth and box side by side with where judgement ended it."""

import cv2
import numpy as np

from vidcl.errors import VidclError
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.overlay import GREY, PALETTE, draw_boxes
from vidcl.tracks.quality.measures import overlaps
from vidcl.tracks.quality.runs import Run, run_free, run_judged
from vidcl.tracks.quality.sequences import AnnotatedSequence
from vidcl.tracks.quality.summary import first_runs
from vidcl.tracks.quality.truth import is_present

_WHITE = (255, 255, 255)
_TRACK = PALETTE[0]


def contact_sheet(
    sequence: AnnotatedSequence,
    config: FollowConfig,
    *,
    tiles: int = 12,
    columns: int = 4,
    width: int = 400,
) -> np.ndarray:
    """Frames of a sequence from the first box given to the end, uint8 [H, W, 3].

    The truth is white. The box of ``config.tracker`` is orange while judgement keeps the track, and
    grey, where the tracker alone would have gone on to, after its end. Each tile says the frame and
    the IoU, and after the end when and why. The last frame of the kept track is always among them.

    Args:
        tiles: frames shown, evenly spread but for that one; at least 3.
        columns: tiles side by side.
        width: of a tile in pixels.

    Raises:
        VidclError: the sequence has no box to start from, or none after it.
    """
    free = first_runs(
        run_free(sequence, config.tracker, every=None, working_side=config.working_side)
    )
    if not free:
        raise VidclError(f"{sequence.name} has no object that is seen twice.")
    run = free[0]
    judged = next(r for r in run_judged(sequence, config, every=None) if r.target == run.target)
    last_kept = run.start + len(judged.boxes)
    last = run.start + len(run.boxes)
    shown = _spread(run.start, last, tiles)
    if last_kept not in shown:
        shown = _spread(run.start, last, tiles - 1) | {last_kept}
    pictures = [
        _tile(step.frame.image, step.index, step.truth[run.target], run, judged, width)
        for step in sequence.steps()
        if step.index in shown
    ]
    blank = np.zeros_like(pictures[0])
    pictures += [blank] * (-len(pictures) % columns)
    rows = [np.hstack(pictures[k : k + columns]) for k in range(0, len(pictures), columns)]
    return np.vstack(rows)


def _spread(first: int, last: int, count: int) -> set[int]:
    places = np.linspace(first, last, min(count, last - first + 1))
    return {int(place) for place in places.round()}


def _tile(
    image: np.ndarray, index: int, truth: np.ndarray, run: Run, judged: Run, width: int
) -> np.ndarray:
    scale = width / image.shape[1]
    height = max(1, round(image.shape[0] * scale))
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    step = index - run.start
    kept = step <= len(judged.boxes)
    box = run.first if step == 0 else (judged if kept else run).boxes[step - 1]
    value = overlaps(box[None], truth[None])[0]
    text = f"{index}: {'unknown' if np.isnan(value) else f'IoU {value:.2f}'}"
    if not kept:
        text += f", ended at {run.start + len(judged.boxes)}: {judged.end_reason}"
    boxes, labels, colours = [box], [text], [_TRACK if kept else GREY]
    if is_present(truth):
        boxes, labels, colours = [truth, *boxes], ["", *labels], [_WHITE, *colours]
    return draw_boxes(small, np.array(boxes) * scale, labels, colours, thickness=2)
