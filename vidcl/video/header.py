"""What the headers of an open file say: sizes, times, colours."""

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcl.video.colour import colour_names, treatment
from vidcl.video.info import VideoInfo
from vidcl.video.orientation import orientation_of


def describe(
    path: str, container: InputContainer, stream: VideoStream, first: VideoFrame
) -> VideoInfo:
    """A file by its headers and its first frame, which is decoded."""
    rotation, mirrored = orientation_of(first)
    space, value_range, transfer, primaries = colour_names(first)
    turned = rotation in (90, 270)
    rate = stream.average_rate or stream.guessed_rate
    start = _first_time(container, first)
    end = declared_end(container, stream)
    aspect = stream.sample_aspect_ratio
    if end is None and container.duration is not None and _is_plausible(container):
        end = ((container.start_time or 0) + container.duration) / av.time_base
        if "matroska" in container.format.name:  # there the duration counts from time zero
            end = container.duration / av.time_base
    return VideoInfo(
        path=path,
        width=first.height if turned else first.width,
        height=first.width if turned else first.height,
        duration=max(end - start, 0.0) if end is not None else None,
        start=start,
        rate=float(rate) if rate else None,
        codec=stream.codec_context.name,
        pixel_format=first.format.name,
        rotation=rotation,
        declared_frames=stream.frames or None,
        backend="pyav",
        backend_version=av.__version__,
        mirrored=mirrored,
        pixel_aspect=float(aspect or 1),
        interlaced=first.interlaced_frame,
        color_space=space,
        color_range=value_range,
        transfer=transfer,
        primaries=primaries,
        hdr=treatment(first) in ("pq", "hlg"),
    )


def _first_time(container: InputContainer, frame: VideoFrame) -> float:
    stamp = frame.dts if is_dts_only(container) else frame.pts
    if stamp is None:
        stamp = frame.pts if frame.pts is not None else frame.dts
    base = frame.time_base
    if stamp is None or base is None:
        return 0.0
    return stamp * base.numerator / base.denominator


def declared_end(container: InputContainer, stream: VideoStream) -> float | None:
    """The time in seconds at which the header says this stream ends, or None.

    A container's own duration may be that of its sound, so it counts only without sound.
    """
    duration, base = stream.duration, stream.time_base
    if duration is not None and base is not None:
        if not _is_plausible(container, duration * base.numerator / base.denominator):
            return None
        return ((stream.start_time or 0) + duration) * base.numerator / base.denominator
    tag = stream.metadata.get("DURATION", "").split(":")
    if len(tag) == 3:  # Matroska: hours:minutes:seconds
        try:
            return int(tag[0]) * 3600.0 + int(tag[1]) * 60.0 + float(tag[2])
        except ValueError:
            return None
    if "matroska" in container.format.name and not container.streams.audio:
        return container.duration / av.time_base if container.duration is not None else None
    return None


def _is_plausible(container: InputContainer, seconds: float | None = None) -> bool:
    """Whether a duration can be true of a transport stream.

    It is the difference of two stamps there, and nonsense where the clock started again between.
    Its tables alone are more than 1,000 bits per second.
    """
    if container.format.name != "mpegts":
        return True
    if seconds is None:
        seconds = (container.duration or 0) / av.time_base
    return seconds > 0 and seconds * 1000 <= container.size * 8


def is_dts_only(container: InputContainer) -> bool:
    """AVI stores no presentation times: what FFmpeg reports as such is out of order there."""
    return container.format.name == "avi"
