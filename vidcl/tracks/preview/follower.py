"""Follow a segment as an extraction does, and remember where every region was."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vidcl.tracks.config import FollowConfig
from vidcl.tracks.crops import Crop, Cropper
from vidcl.tracks.extraction.change import look_change
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.plan import Segment
from vidcl.tracks.extraction.rates import Rates, rates_of
from vidcl.tracks.extraction.segment import segment_seed, to_source_pixels
from vidcl.tracks.follow import follow
from vidcl.tracks.given import GivenBoxes
from vidcl.tracks.preview.traces import Stored, Trace, join
from vidcl.tracks.recorder import CropFunction
from vidcl.tracks.track import Track
from vidcl.video.errors import VideoError
from vidcl.video.frames import Frame
from vidcl.video.info import VideoInfo
from vidcl.video.open import Reader, open_video

#: So many kept steps no track reaches: a region is followed as one.
_NEVER = 10**9


@dataclass
class Piece:
    """One followed segment.

    Attributes:
        times: float32 [F], seconds, of the followed frames that are not damaged.
        shots: int64 [F], from 0 within the segment.
        traces: the regions, in order of their first frame.
        frame_size: width and height of the followed frames, pixels.
        whole: kept crops of each stored track of whole frames.
        fault: what stopped the decoder before the end of the file, if anything.
    """

    segment: Segment
    times: np.ndarray
    shots: np.ndarray
    traces: list[Trace]
    frame_size: tuple[int, int]
    whole: list[int] = field(default_factory=list)
    fault: VideoError | None = None


@dataclass(frozen=True)
class Follower:
    """Follows segments of one video as ``vidcl.tracks.extraction.segment.VideoTracks`` does.

    Attributes:
        given: boxes of the proposer ``given``.
        tick: called after every decoded frame.
    """

    video: Path
    config: ExtractConfig
    given: GivenBoxes | None = None
    tick: Callable[[], None] = lambda: None

    @property
    def rates(self) -> Rates:
        """Which frames are followed and kept."""
        return rates_of(self.config, given=self.given is not None)

    def open(self) -> Reader:
        """The video at the size at which it is followed."""
        max_side = self.config.max_video_side if self.given is None else None
        return open_video(self.video, backend=self.config.decoder, max_side=max_side)

    def frames(self, reader: Reader, segment: Segment) -> Iterator[Frame]:
        """The frames that are followed."""
        for frame in reader.frames(
            rate=self.rates.rate,
            start=segment.start,
            end=segment.end,
            tolerance=self.rates.tolerance,
        ):
            yield frame
            self.tick()

    def __call__(self, segment: Segment) -> Piece:
        """Follow one segment twice: as the extraction does, and once more remembering every
        followed frame, the regions that are dropped among them.

        Raises:
            VidclError: the file cannot be opened, or given boxes are asked for and absent.
        """
        settings = self.rates.follow
        whole_frames = self.config.whole_frames
        stored: list[Stored] = []
        whole: list[int] = []
        with self.open() as reader:
            frames = _Sized(self.frames(reader, segment))
            cropper = Cropper(self.config.crop)
            for track in self._tracks(
                frames, reader.info, segment, settings, cropper, whole_frames
            ):
                if track.kind == "region":
                    change = look_change(track.crops).overall
                    track.crops = []
                    stored.append(Stored(track, change))
                else:
                    whole.append(len(track))
        everything = settings.model_copy(
            update={"keep_rate": None, "min_kept": 1, "max_kept": _NEVER}
        )
        with self.open() as reader:
            frames = _Sized(self.frames(reader, segment))
            tracks = list(self._tracks(frames, reader.info, segment, everything, _no_crop, True))
            fault = reader.result.error
        times, shots = _frames_and_shots([t for t in tracks if t.kind == "frame"])
        regions = [track for track in tracks if track.kind == "region"]
        traces = join(stored, regions, times, settings.max_kept)
        return Piece(segment, times, shots, traces, frames.size, whole, fault)

    def _tracks(
        self,
        frames: "_Sized",
        info: VideoInfo,
        segment: Segment,
        settings: FollowConfig,
        cropper: CropFunction,
        whole_frames: bool,
    ) -> Iterator[Track]:
        for track in follow(
            frames,
            settings,
            cropper,
            given=self.given,
            seed=segment_seed(settings.seed, segment),
            whole_frames=whole_frames,
            grid=None if segment.start is None else (info.start, segment.start),
        ):
            yield to_source_pixels(track, frames.size, info)


class _Sized:
    """Passes frames on and remembers their width and height."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self.size = (0, 0)

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._frames:
            self.size = (frame.image.shape[1], frame.image.shape[0])
            yield frame


def _frames_and_shots(tracks: Sequence[Track]) -> tuple[np.ndarray, np.ndarray]:
    """Times and shot numbers of all followed frames, from the tracks of whole frames."""
    if not tracks:
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    shots = [np.full(len(track), track.shot, np.int64) for track in tracks]
    return np.concatenate([track.times for track in tracks]), np.concatenate(shots)


def _no_crop(image: np.ndarray, box: np.ndarray) -> Crop:
    return Crop(b"", np.asarray(box, np.float32), int(box[2] - box[0]), int(box[3] - box[1]))
