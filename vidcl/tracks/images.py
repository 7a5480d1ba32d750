"""Still images as tracks of length one, labelled by their folder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL import __version__ as pillow_version
from pydantic import Field

from vidcl.config import Config
from vidcl.errors import VidclError
from vidcl.tracks.crops import CropConfig, Cropper
from vidcl.tracks.extraction.engine import open_engine
from vidcl.tracks.extraction.limits import Limits
from vidcl.tracks.extraction.outcome import Outcome
from vidcl.tracks.extraction.run import ExtractReport, Work, run_work
from vidcl.tracks.extraction.segments import Segment
from vidcl.tracks.extraction.sources import IMAGE_SUFFIXES, Source
from vidcl.tracks.extraction.spool import SpoolConfig
from vidcl.tracks.track import SCORES, Track


class ImagesConfig(Config):
    """Images to tracks."""

    crop: CropConfig = CropConfig(canvas=256)
    """How images are stored; the whole image is the crop, so the margin does not matter."""
    images_per_shard: int = Field(1024, ge=1)
    """Images that one task packs and commits together."""
    engine: Literal["ray", "local"] = "local"
    """Ray tasks, or processes of this machine without Ray."""
    workers: int | None = Field(None, ge=1)
    """Tasks at a time (None: one per CPU)."""
    ray_address: str | None = None
    """Ray cluster to use."""


class ImageError(VidclError):
    """A file that cannot be read as an image; ``kind`` is ``missing`` or ``not_image``."""

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.kind = kind


def pack_images(
    folder: str | Path,
    out: str | Path,
    config: ImagesConfig,
    *,
    retry_failed: bool = False,
    update: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ExtractReport:
    """Pack every image below a folder into the store ``out``; resumes like ``extract``.

    An image's label is the name of the folder it lies in, or none directly in ``folder``. Images
    that cannot be read have their row, with the reason, in ``videos.parquet``.

    Raises:
        VidclError: no folder, no images, none that can be read, or a store made otherwise.
    """
    if not Path(folder).is_dir():
        raise VidclError(f"{folder} is not a folder: name the folder that holds the images.")
    work = Work(
        kind="image",
        suffixes=IMAGE_SUFFIXES,
        settings=config.model_dump(mode="json", include={"crop", "images_per_shard"}),
        metadata={"canvas": config.crop.canvas, "quality": config.crop.quality},
        backend=f"pillow {pillow_version}",
        probe=None,
        make_tracks=ImageTracks(config.crop),
        segment_seconds=1.0,
        segments_per_shard=config.images_per_shard,
        limits=Limits(),
        spool=SpoolConfig(),
    )
    engine = partial(open_engine, config.engine, config.workers, config.ray_address)
    return run_work(
        work, [folder], Path(out), engine, retry_failed=retry_failed, update=update,
        progress=progress,
    )  # fmt: skip


@dataclass(frozen=True)
class ImageTracks:
    """The ``TrackMaker`` of images: one track each."""

    crop: CropConfig

    def __call__(
        self, source: Source, path: Path, segment: Segment, outcome: Outcome
    ) -> Iterator[Track]:
        image, codec = read_image(path)
        height, width = image.shape[:2]
        outcome.frames = 1
        outcome.facts = {
            "width": width,
            "height": height,
            "codec": codec,
            "backend": "pillow",
            "backend_version": pillow_version,
        }
        box = np.array([0, 0, width, height], np.float32)
        crop = Cropper(self.crop)(image, box)
        yield Track(
            kind="image",
            proposer="image",
            tracker="image",
            shot=0,
            times=np.zeros(1, np.float32),
            boxes=box[None],
            crop_boxes=crop.crop_box[None],
            crops=[crop.jpeg],
            sizes=np.array([[width, height]], np.uint16),
            end_reason="end",
            scores={name: np.ones(1, np.float32) for name in SCORES},
            label=Path(source.name).parent.name or None,
        )


def read_image(path: str | Path) -> tuple[np.ndarray, str]:
    """An image file as uint8 [H, W, 3] RGB with its EXIF rotation applied, and its format's name.

    Raises:
        ImageError: the file is absent, no image, damaged or too large.
    """
    try:
        with Image.open(path) as file:
            codec = (file.format or "").lower()
            if max(file.size) > np.iinfo(np.uint16).max:
                raise ImageError(f"{path} is larger than 65535 pixels: shrink it.", "not_image")
            picture = ImageOps.exif_transpose(file)
            if picture.mode.startswith(
                "I"
            ):  # 16-bit grey, which Pillow would clip instead of scale
                grey = (np.asarray(picture).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
                picture = Image.fromarray(grey)
            return np.asarray(picture.convert("RGB")), codec
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist; check the path.", "missing") from error
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path} cannot be read as an image ({error}).", "not_image") from error
