"""Collect the kept steps of one region until it is a track."""

from typing import Protocol

import numpy as np

from vidcl.tracks.crops import Crop
from vidcl.tracks.track import SCORES, EndReason, Kind, Track
from vidcl.video.frames import Frame


class CropFunction(Protocol):
    """Cuts and packs one box of a picture, as ``vidcl.tracks.crops.Cropper`` does."""

    def __call__(self, image: np.ndarray, box: np.ndarray) -> Crop: ...


class Recorder:
    """The kept steps of one track in the making."""

    def __init__(
        self, kind: Kind, proposer: str, tracker: str, shot: int, label: str | None = None
    ) -> None:
        self._about = (kind, proposer, tracker, shot, label)
        self._times: list[float] = []
        self._boxes: list[np.ndarray] = []
        self._crops: list[Crop] = []
        self._scores: dict[str, list[float]] = {name: [] for name in SCORES}

    def __len__(self) -> int:
        return len(self._times)

    def keep(
        self, frame: Frame, box: np.ndarray, scores: dict[str, float], cropper: CropFunction
    ) -> None:
        """Crop and remember one step; ``box`` is [4], source pixels, inside the picture."""
        self._times.append(frame.time)
        self._boxes.append(box.astype(np.float32))
        self._crops.append(cropper(frame.image, box))
        for name in SCORES:
            self._scores[name].append(scores[name])

    def drop_last(self, count: int) -> None:
        """Forget the last ``count`` steps."""
        keep = len(self) - count
        self._times, self._boxes = self._times[:keep], self._boxes[:keep]
        self._crops = self._crops[:keep]
        self._scores = {name: values[:keep] for name, values in self._scores.items()}

    def finish(self, end_reason: EndReason) -> Track:
        """The track; the recorder is then empty and may go on with the next piece."""
        kind, proposer, tracker, shot, label = self._about
        crops = self._crops
        track = Track(
            kind=kind,
            proposer=proposer,
            tracker=tracker,
            shot=shot,
            times=np.array(self._times, dtype=np.float32),
            boxes=np.array(self._boxes, dtype=np.float32).reshape(-1, 4),
            crop_boxes=np.array([c.crop_box for c in crops], dtype=np.float32).reshape(-1, 4),
            crops=[crop.jpeg for crop in crops],
            sizes=np.array([(c.width, c.height) for c in crops], dtype=np.uint16).reshape(-1, 2),
            end_reason=end_reason,
            scores={name: np.array(v, dtype=np.float32) for name, v in self._scores.items()},
            label=label,
        )
        self._times, self._boxes, self._crops = [], [], []
        self._scores = {name: [] for name in SCORES}
        return track
