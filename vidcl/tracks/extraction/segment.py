"""Decode one segment of a video and follow what moves in it."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.tracks.crops import Cropper
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.heap import give_back
from vidcl.tracks.extraction.outcome import Outcome
from vidcl.tracks.extraction.rates import rates_of
from vidcl.tracks.extraction.segments import Segment
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.follow import follow
from vidcl.tracks.given import GivenBoxes, read_given_boxes
from vidcl.tracks.track import Track
from vidcl.tracks.trackers.linking import NamedEmbedding
from vidcl.video.frames import Frame
from vidcl.video.info import VideoInfo
from vidcl.video.open import BackendName, open_video

#: Shots are numbered within a segment; those of segment s of a video begin at s times this.
SHOTS_PER_SEGMENT = 10_000

#: What each decoder imports once a file is opened.
_MODULES: dict[BackendName, tuple[str, ...]] = {
    "pyav": ("vidcl.video.reader",),
    "decord": ("vidcl.video.backends.decord_reader", "decord"),
    "torchcodec": ("vidcl.video.backends.torchcodec_reader", "torchcodec.decoders"),
}


@dataclass(frozen=True)
class VideoTracks:
    """The ``TrackMaker`` of videos.

    Attributes:
        config: of the extraction.
        embed_regions: features for the tracker ``link``; None is its hand-made descriptor.

    Raises:
        VidclError: features are given to another tracker.
    """

    config: ExtractConfig
    embed_regions: NamedEmbedding | None = None

    def __post_init__(self) -> None:
        tracker = self.config.follow.tracker
        if self.embed_regions is not None and tracker != "link":
            raise VidclError(f"A link encoder needs --follow.tracker link, not '{tracker}'.")

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules that are imported when a file is opened, for who forks the process for it."""
        return _MODULES[self.config.decoder]

    def settings(self) -> dict[str, Any]:
        """What decides which rows come out, as plain JSON values."""
        settings = self.config.settings()
        if self.embed_regions is not None:
            settings["link_encoder"] = self.embed_regions.name
        return settings

    def __call__(
        self, source: Source, path: Path, segment: Segment, outcome: Outcome
    ) -> Iterator[Track]:
        """Yield the segment's tracks; the faults of the file go into ``outcome``.

        Raises:
            VideoError: the file cannot be opened.
        """
        config = self.config
        given = _given_boxes(config, source)
        max_side = config.max_video_side if given is None else None
        with open_video(path, backend=config.decoder, max_side=max_side) as reader:
            outcome.facts = _facts(reader.info)
            clock = _Budget(config.video_timeout)
            rates = rates_of(config, given=given is not None)
            frames = reader.frames(
                rate=rates.rate,
                start=segment.start,
                end=segment.end,
                tolerance=rates.tolerance,
            )
            tracks = follow(
                clock.watch(frames),
                rates.follow,
                Cropper(config.crop),
                given=given,
                seed=segment_seed(config.follow.seed, segment),
                whole_frames=config.whole_frames,
                embed_regions=self.embed_regions,
                grid=None if segment.start is None else (reader.info.start, segment.start),
            )
            try:
                for track in tracks:
                    placed = replace(track, shot=track.shot + segment.index * SHOTS_PER_SEGMENT)
                    yield to_source_pixels(placed, clock.frame_size, reader.info)
            finally:
                outcome.frames = reader.result.frames_decoded
                outcome.corrupt_frames = reader.result.corrupt_frames
                give_back()
            if clock.spent:
                outcome.fail(
                    "timeout",
                    f"{source.path}: stopped after {config.video_timeout:g} s; raise "
                    "--video-timeout and run again with --retry-failed.",
                )
            elif reader.result.error is not None:
                outcome.fail(reader.result.error.kind, str(reader.result.error))


def segment_seed(seed: int, segment: Segment) -> int:
    """A seed of the segment's own, the same whatever process extracts it."""
    text = f"{seed}/{segment.video_id}/{segment.index}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big")


def to_source_pixels(track: Track, frame_size: tuple[int, int], info: VideoInfo) -> Track:
    """Boxes and sizes of a track found on shrunk frames (width, height), in source pixels."""
    if frame_size == (info.width, info.height):
        return track
    x, y = info.width / frame_size[0], info.height / frame_size[1]
    scale = np.array([x, y, x, y], np.float32)
    limit = np.array([info.width, info.height] * 2, np.float32)
    sizes = np.clip(np.round(track.sizes * scale[:2]), 1, 65535)
    return replace(
        track,
        boxes=np.clip(track.boxes * scale, 0, limit).astype(np.float32),
        crop_boxes=(track.crop_boxes * scale).astype(np.float32),
        sizes=sizes.astype(np.uint16),
    )


class _Budget:
    """Ends a stream of frames when its time is spent, and remembers the frames' size."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.spent = False
        self.frame_size = (0, 0)

    def watch(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        started = time.monotonic()
        for frame in frames:
            self.frame_size = (frame.image.shape[1], frame.image.shape[0])
            yield frame
            if time.monotonic() - started > self.seconds:
                self.spent = True
                return


def _given_boxes(config: ExtractConfig, source: Source) -> GivenBoxes | None:
    if config.given_dir is None:
        return None
    stem = Path(source.path).stem
    paths = [Path(config.given_dir) / f"{stem}{suffix}" for suffix in (".json", ".csv")]
    there = [path for path in paths if path.is_file()]
    if not there:
        raise VidclError(
            f"{source.path} has no boxes: {config.given_dir} holds neither {stem}.json nor "
            f"{stem}.csv."
        )
    if len(there) > 1:
        raise VidclError(
            f"{source.path} has boxes twice: leave one of {stem}.json and {stem}.csv in "
            f"{config.given_dir}."
        )
    return read_given_boxes(there[0])


def _facts(info: VideoInfo) -> dict[str, str | int | float | None]:
    return {
        "width": info.width,
        "height": info.height,
        "duration": info.duration,
        "codec": info.codec,
        "backend": info.backend,
        "backend_version": info.backend_version,
    }
