"""Render the clips of a world to H.264 files, with the exact boxes beside them."""

import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch

from vidcl.config import dump_config
from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.synthetic.claim import claim_folder
from vidcl.synthetic.clip import Clip, render_clip
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.objects import build_instances
from vidcl.video.writer import write_video

Progress = Callable[[int, int], None]
_BATCH = 8


def render_videos(
    config: WorldConfig,
    out: Path,
    *,
    workers: int = 1,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Path:
    """Write ``out/videos/clip-00000.mp4`` and ``out/boxes/clip-00000.json`` and so on.

    Clips that are there with their boxes are kept, so a stopped run continues where it was. The
    pixels do not depend on ``workers``.

    Args:
        config: the world; ``out/world.yaml`` remembers it.
        out: folder, made if it is missing.
        workers: processes; 1 renders in this one.
        device: where rays are traced.
        progress: called with (clips done, clips in all).

    Returns:
        ``out``.

    Raises:
        VidclError: ``out`` holds another world, or ``workers`` is below 1.
    """
    if workers < 1:
        raise VidclError(f"workers is {workers}; give at least 1.")
    out = Path(out)
    claim_folder(out / "world.yaml", dump_config(config))
    total = config.videos.count
    missing = [index for index in range(total) if not _is_complete(out, index)]
    done = total - len(missing)
    if progress:
        progress(done, total)
    size = max(1, min(_BATCH, len(missing) // workers))
    batches = [missing[start : start + size] for start in range(0, len(missing), size)]
    if workers == 1 or len(batches) < 2:
        for index in missing:
            done += _render_batch(config.model_dump(), out, [index], device)
            if progress:
                progress(done, total)
        return out
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) as pool:
        pending: set[Future[int]] = {
            pool.submit(_render_batch, config.model_dump(), out, batch, device) for batch in batches
        }
        try:
            while pending:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                done += sum(future.result() for future in finished)
                if progress:
                    progress(done, total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return out


def _render_batch(values: dict[str, Any], out: Path, indices: list[int], device: str) -> int:
    config = WorldConfig.model_validate(values)
    instances = build_instances(config, "train")
    videos = config.videos
    for index in indices:
        clip = render_clip(config, index, instances, device)
        video, boxes = _paths(out, index)
        write_video(
            video,
            iter(clip.frames),
            rate=videos.rate,
            crf=videos.crf,
            gop=videos.gop,
            b_frames=videos.b_frames,
        )
        record = truth_record(clip, videos.rate, videos.min_visible)
        write_atomic(boxes, json.dumps(record).encode())
    return len(indices)


def truth_record(clip: Clip, rate: float, min_visible: float) -> dict[str, Any]:
    """The boxes of a clip in the format of given boxes; frame k is shown at k / rate seconds.

    A step counts as visible where at least ``min_visible`` of the whole silhouette is seen. Objects
    that never enter the picture are left out.
    """
    objects = [
        {
            "id": truth.name,
            "class": truth.class_name,
            "times": [round(int(k) / rate, 6) for k in truth.frames],
            "boxes": truth.boxes.tolist(),
            "visible": (truth.visible >= min_visible).tolist(),
            "visible_share": truth.visible.round(4).tolist(),
            "azimuth": truth.azimuth.round(3).tolist(),
        }
        for truth in clip.objects
        if len(truth.frames)
    ]
    return {"objects": objects}


def _paths(out: Path, index: int) -> tuple[Path, Path]:
    stem = f"clip-{index:05d}"
    return out / "videos" / f"{stem}.mp4", out / "boxes" / f"{stem}.json"


def _is_complete(out: Path, index: int) -> bool:
    return all(path.is_file() for path in _paths(out, index))
