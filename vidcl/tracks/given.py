"""Boxes over time that come from a file: a detector's, or the exact ones of a rendered world."""

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.tracks.detections import NO_DETECTIONS, Detections, make_detections
from vidcl.tracks.given_csv import read_box_rows


@dataclass(frozen=True)
class GivenObject:
    """One object's boxes.

    Attributes:
        name: its id in the file.
        times: float64 [T], seconds, strictly increasing.
        boxes: float64 [T, 4], xyxy in pixels.
        visible: bool [T].
    """

    name: str
    times: np.ndarray
    boxes: np.ndarray
    visible: np.ndarray

    def at(self, time: float) -> np.ndarray | None:
        """The box at ``time``, float64 [4], linearly interpolated.

        None before the first and after the last given time (beyond half a typical step), and
        where the object is not visible on either side.
        """
        if not self.times[0] - self._slack <= time <= self.times[-1] + self._slack:
            return None
        after = int(np.searchsorted(self.times, time))
        low, high = max(after - 1, 0), min(after, len(self.times) - 1)
        nearest = low if time - self.times[low] <= self.times[high] - time else high
        if not self.visible[nearest]:
            return None
        if low == high or not (self.visible[low] and self.visible[high]):
            return self.boxes[nearest].copy()
        share = (time - self.times[low]) / (self.times[high] - self.times[low])
        return (1 - share) * self.boxes[low] + share * self.boxes[high]

    @cached_property
    def _slack(self) -> float:
        """Seconds that the object lasts beyond its first and last time."""
        return float(np.median(np.diff(self.times))) / 2 if len(self.times) > 1 else 1e-3


@dataclass(frozen=True)
class GivenBoxes:
    """The boxes of one video: those of objects over time, and those without identity."""

    objects: tuple[GivenObject, ...]
    detections: Detections = NO_DETECTIONS

    def at(self, time: float) -> list[np.ndarray | None]:
        """The box of each object at ``time``, in the order of ``objects``."""
        return [thing.at(time) for thing in self.objects]


def read_given_boxes(path: str | Path) -> GivenBoxes:
    """Read a ``.csv`` file, see ``vidcl.tracks.given_csv.read_box_rows``, or a JSON file
    ``{"objects": [{"id": .., "times": [..], "boxes": [[x0, y0, x1, y1], ..], "visible": [..]},
    ..]}``; ``visible`` may be left out.

    Raises:
        VidclError: the file is missing or is not of that form.
    """
    path = Path(path)
    return _read_csv(path) if path.suffix.lower() == ".csv" else _read_json(path)


def _read_csv(path: Path) -> GivenBoxes:
    objects = read_box_rows(path)
    alone = objects.pop("", None)
    things = []
    for name, rows in objects.items():
        order = np.argsort(rows.times, kind="stable")
        times = np.array(rows.times)[order]
        twice = np.flatnonzero(np.diff(times) <= 0)
        if len(twice):
            raise VidclError(
                f"{path}: the object {name[:40]!r} has two boxes at {times[twice[0]]:g} s; leave "
                "one, or leave the object empty if these are different things."
            )
        things.append(
            GivenObject(name, times, np.array(rows.boxes)[order], np.array(rows.visible)[order])
        )
    if alone is None:
        return GivenBoxes(tuple(things))
    seen = np.array(alone.visible)
    return GivenBoxes(
        tuple(things),
        make_detections(
            np.array(alone.times)[seen], np.array(alone.boxes)[seen], np.array(alone.scores)[seen]
        ),
    )


def _read_json(path: Path) -> GivenBoxes:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise VidclError(f"Cannot read the given boxes {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise VidclError(f"{path} is not JSON: {error}.") from error
    things = content.get("objects") if isinstance(content, dict) else None
    if not isinstance(things, list):
        raise VidclError(f"{path} must hold a list under the key 'objects'.")
    objects = tuple(_object(thing, k, path) for k, thing in enumerate(things))
    for name, count in Counter(thing.name for thing in objects).items():
        if count > 1:
            raise VidclError(f"{path} has {count} objects with the id {name[:40]!r}: join them.")
    return GivenBoxes(objects)


def _object(thing: Any, number: int, path: Path) -> GivenObject:
    where = f"{path}: object {number}"
    if not isinstance(thing, dict) or "times" not in thing or "boxes" not in thing:
        raise VidclError(f"{where} must have 'times' and 'boxes'.")
    try:
        times = np.array(thing["times"], dtype=np.float64)
        boxes = np.array(thing["boxes"], dtype=np.float64)
        visible = np.array(thing.get("visible", [True] * len(times)), dtype=bool)
    except (TypeError, ValueError, OverflowError) as error:
        raise VidclError(f"{where}: times and boxes must be numbers ({error}).") from error
    if times.ndim != 1 or boxes.shape != (len(times), 4) or visible.shape != times.shape:
        raise VidclError(
            f"{where}: {len(thing['times'])} times need as many boxes of four numbers; "
            f"the boxes have shape {boxes.shape}."
        )
    if len(times) == 0:
        raise VidclError(f"{where} has no boxes; leave it out.")
    if not (np.isfinite(times).all() and np.isfinite(boxes).all()):
        raise VidclError(f"{where} holds numbers that are not finite; leave those steps out.")
    if (np.diff(times) <= 0).any():
        raise VidclError(f"{where}: its times must increase.")
    if ((boxes[:, 2:] <= boxes[:, :2]).any(axis=1) & visible).any():
        raise VidclError(f"{where}: a box must be x0, y0, x1, y1 with x0 < x1 and y0 < y1.")
    return GivenObject(str(thing.get("id", number)), times, boxes, visible)
