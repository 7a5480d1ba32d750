"""Makers of tracks that do to their process what a faulty decoder may do, by the file's name."""

import ctypes
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidcl.guarded.child import Link
from vidcl.tracks.crops import Cropper
from vidcl.tracks.extraction.outcome import Outcome
from vidcl.tracks.extraction.segments import Segment
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.images import CropConfig
from vidcl.tracks.track import SCORES, Track


@dataclass(frozen=True)
class Deadly:
    """Two tracks per file, and between them the deed that the file is named after."""

    notes: str

    def __call__(
        self, source: Source, path: Path, segment: Segment, outcome: Outcome
    ) -> Iterator[Track]:
        with open(self.notes, "a") as file:
            file.write(f"{source.name} {os.getpid()}\n")
        outcome.frames = 2
        yield track(len(source.name))
        self.act(source.name.partition(".")[0], path, outcome)
        yield track(len(source.name) + 1)

    def act(self, deed: str, path: Path, outcome: Outcome) -> None:
        os.write(2, b"[h264 @ 0x55d0c0ffee00] deed of %s\n" % deed.encode())
        if deed == "segfault":
            ctypes.string_at(0)
        elif deed == "abort":
            os.abort()
        elif deed == "bad_alloc":
            os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
            os.abort()
        elif deed == "exit":
            os._exit(7)
        elif deed == "hang":
            ctypes.PyDLL(None).sleep(1000)
        elif deed == "greedy":
            np.ones(2**31, np.uint8)
        elif deed == "killed" or (deed == "killed-once" and self.count(deed) == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        elif deed == "changed":
            path.write_bytes(b"longer than before" * 10)
        elif deed == "gone":
            path.unlink()
        elif deed == "corrupt":
            outcome.corrupt_frames = 3
        elif deed == "bug":
            raise ZeroDivisionError("a bug")

    def count(self, deed: str) -> int:
        """How often the deed was tried."""
        return sum(line.startswith(deed) for line in Path(self.notes).read_text().splitlines())


def track(seed: int) -> Track:
    """One step of a picture."""
    box = np.array([0, 0, 16, 16], np.float32)
    picture = np.random.default_rng(seed).integers(0, 255, (16, 16, 3), np.uint8)
    crop = Cropper(CropConfig(canvas=16))(picture, box)
    return Track(
        kind="frame",
        proposer="frame",
        tracker="frame",
        shot=0,
        times=np.zeros(1, np.float32),
        boxes=box[None],
        crop_boxes=crop.crop_box[None],
        crops=[crop.jpeg],
        sizes=np.array([[16, 16]], np.uint16),
        end_reason="end",
        scores={name: np.ones(1, np.float32) for name in SCORES},
        label=None,
    )


def probe_by_name(link: Link) -> None:
    """Stands for probing: what a probe may meet, by the name of the file."""
    while (path := link.hear()) is not None:
        deed = Path(path).stem
        if deed == "hang":
            ctypes.PyDLL(None).sleep(1000)
        elif deed == "segfault":
            ctypes.string_at(0)
        elif deed == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        elif deed == "killed-once" and not Path(path).exists():
            Path(path).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        link.say((0.0, float(len(deed))))
