"""The columns of a store that have one value per track, by name."""

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np


class PlainColumns(ABC):
    """Each is numpy [N], read once; strings are objects, None where absent."""

    @abstractmethod
    def column(self, name: str) -> np.ndarray:
        """One plain column as numpy [N]."""

    @cached_property
    def kind(self) -> np.ndarray:
        return self.column("kind")

    @cached_property
    def proposer(self) -> np.ndarray:
        return self.column("proposer")

    @cached_property
    def tracker(self) -> np.ndarray:
        return self.column("tracker")

    @cached_property
    def split(self) -> np.ndarray:
        return self.column("split")

    @cached_property
    def video_id(self) -> np.ndarray:
        return self.column("video_id")

    @cached_property
    def video(self) -> np.ndarray:
        return self.column("video")

    @cached_property
    def end_reason(self) -> np.ndarray:
        return self.column("end_reason")

    @cached_property
    def change(self) -> np.ndarray:
        return self.column("change")

    @cached_property
    def label(self) -> np.ndarray:
        return self.column("label")
