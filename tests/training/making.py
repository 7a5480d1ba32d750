"""A small track store for tests: coloured pictures, written with the store's own writer."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from vidcl.tracks.store import TrackStore, open_store
from vidcl.tracks.store_schema import TrackRow
from vidcl.tracks.store_writer import shard_path, write_shard
from vidcl.tracks.track import SCORES, Track

CANVAS = 24


def make_jpeg(generator: np.random.Generator, base: np.ndarray, canvas: int = CANVAS) -> bytes:
    small = np.clip(base + generator.normal(0, 12, base.shape), 0, 255).astype(np.uint8)
    image = Image.fromarray(small).resize((canvas, canvas), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def make_row(
    number: int,
    generator: np.random.Generator,
    *,
    times: np.ndarray,
    kind: str = "frame",
    proposer: str = "frame",
    tracker: str = "frame",
    video: int = 0,
    split: str = "train",
    canvas: int = CANVAS,
    change: float = 0.5,
    changes: np.ndarray | None = None,
) -> TrackRow:
    count = len(times)
    base = generator.integers(0, 256, (4, 4, 3)).astype(float)
    box = np.tile(np.array([0, 0, 48, 32], np.float32), (count, 1))
    track = Track(
        kind=kind,  # type: ignore[arg-type]
        proposer=proposer,
        tracker=tracker,
        shot=0,
        times=np.asarray(times, np.float32),
        boxes=box,
        crop_boxes=box,
        crops=[make_jpeg(generator, base, canvas) for _ in range(count)],
        sizes=np.tile(np.array([48, 32], np.uint16), (count, 1)),
        end_reason="end",
        scores={name: np.ones(count, np.float32) for name in SCORES},
    )
    return TrackRow(
        track_id=f"v{video}-0-{number}",
        video_id=f"v{video}",
        video=f"v{video}.mp4",
        split=split,
        change=change,
        changes=np.zeros(count, np.float32) if changes is None else changes,
        track=track,
    )


def make_store(
    path: Path, *, frames: int = 12, regions: int = 16, length: int = 6, canvas: int = CANVAS
) -> TrackStore:
    """Tracks of ``length`` crops, 0.25 s apart, four to a video; one more video is held out."""
    generator = np.random.default_rng(0)
    times = np.arange(length) * 0.25
    rows = [make_row(i, generator, times=times, video=i // 4, canvas=canvas) for i in range(frames)]
    for i in range(regions):
        rows.append(
            make_row(
                frames + i,
                generator,
                times=times + 0.1 * i,
                kind="region",
                proposer=("motion", "random")[i % 2],
                tracker=("flow_cf", "static")[i // 2 % 2],
                video=i // 4,
                canvas=canvas,
            )
        )
    rows.append(make_row(999, generator, times=times, video=99, split="test", canvas=canvas))
    write_shard(shard_path(path, 0), rows, {"canvas": canvas})
    return open_store(path)
