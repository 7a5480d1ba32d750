"""Clips of the procedural world as a track store: whole frames and exact boxes, no video between.

A clip whose background changes from frame to frame would look like one cut after the other to an
extraction, and the clips' compression is not what these studies ask about.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vidcl.synthetic.clip import Clip, render_clip
from vidcl.synthetic.config import VideosConfig, WorldConfig
from vidcl.synthetic.objects import Instance
from vidcl.tracks.crops import CropConfig, Cropper
from vidcl.tracks.store_schema import TrackRow
from vidcl.tracks.store_writer import shard_path, write_shard
from vidcl.tracks.track import SCORES, EndReason, Track


def write_clip_store(
    world: WorldConfig,
    objects: Sequence[Sequence[Instance]],
    store: Path,
    crop: CropConfig,
    *,
    one_box: bool = False,
) -> Path:
    """One shard with a track of whole frames per clip, and one of exact boxes per object in it.

    Args:
        world: ``videos.count`` is of no account.
        objects: out of which the objects of clip k are drawn.
        store: the store's folder; what lies there already is kept.
        crop: how crops are cut.
        one_box: of each frame one object alone, the objects of a clip in turn, so that there are as
            many boxes as frames (but for frames in which the one whose turn it is is not seen).

    Returns:
        ``store``.
    """
    path = shard_path(store, 0)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_shard(path, _rows(world, objects, Cropper(crop), one_box), {"canvas": crop.canvas})
    return store


def _rows(
    world: WorldConfig, objects: Sequence[Sequence[Instance]], cropper: Cropper, one_box: bool
) -> Iterator[TrackRow]:
    for index, chosen in enumerate(objects):
        clip = render_clip(world, index, list(chosen))
        for number, track in enumerate(_tracks(clip, world.videos, cropper, one_box)):
            yield TrackRow(
                track_id=f"clip-{index:05d}-0-{number}",
                video_id=f"clip-{index:05d}",
                video=f"clip-{index:05d}",
                split="train",
                change=0.0,
                changes=np.zeros(len(track), np.float32),
                track=track,
            )


def _tracks(clip: Clip, videos: VideosConfig, cropper: Cropper, one_box: bool) -> Iterator[Track]:
    count, height, width = clip.frames.shape[:3]
    rate, several = videos.rate, len(clip.objects)
    whole = np.tile(np.array([0, 0, width, height], np.float32), (count, 1))
    yield _track(clip, np.arange(count), whole, "frame", rate, cropper)
    for number, truth in enumerate(clip.objects):
        kept = truth.visible >= videos.min_visible
        if one_box:
            kept &= truth.frames % several == number
        if kept.any():
            yield _track(clip, truth.frames[kept], truth.boxes[kept], "given", rate, cropper)


def _track(
    clip: Clip, steps: np.ndarray, boxes: np.ndarray, source: str, rate: float, cropper: Cropper
) -> Track:
    """A track of ``source`` 'frame' or 'given'."""
    crops = [cropper(clip.frames[step], box) for step, box in zip(steps, boxes, strict=True)]
    ends: EndReason = "end" if source == "frame" else "given"
    return Track(
        kind="frame" if source == "frame" else "region",
        proposer=source,
        tracker=source,
        shot=0,
        times=(steps / rate).astype(np.float32),
        boxes=boxes.astype(np.float32),
        crop_boxes=np.stack([crop.crop_box for crop in crops]),
        crops=[crop.jpeg for crop in crops],
        sizes=np.array([(crop.width, crop.height) for crop in crops], np.uint16),
        end_reason=ends,
        scores={name: np.ones(len(steps), np.float32) for name in SCORES},
    )
