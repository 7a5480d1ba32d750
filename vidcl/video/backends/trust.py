"""Which files a decoder that counts frames can be trusted with."""

from pathlib import Path

import av

from vidcl.video.backends.packets import PacketScan
from vidcl.video.errors import VideoError
from vidcl.video.info import VideoInfo

#: Containers in which a jump to a frame is exact, by the beginning of FFmpeg's name.
_INDEXED = ("mov", "matroska", "avi", "gif")


def refused(path: str | Path, backend: str, why: str) -> VideoError:
    """The refusal of a file, which says what reads it."""
    return VideoError(
        f"{path}: {backend} cannot be trusted with it ({why}); use --decoder pyav.", "refused"
    )


def common_doubt(info: VideoInfo, scan: PacketScan) -> str | None:
    """Why no decoder that finds frames by their number is given this file, or None.

    Such decoders were seen to give other frames or other times, to stop or to hang there.
    """
    if scan.error is not None:
        return f"its packets cannot be read to the end: {scan.error}"
    if scan.missing:
        return f"it ends {scan.missing:.1f} s before the time its header gives"
    if not len(scan.times) or scan.untimed:
        return f"{scan.untimed} of its {scan.packets} frames have no time of their own"
    if not scan.begins_with_key:
        return "it does not begin with a keyframe"
    if info.declared_frames is not None and info.declared_frames > scan.packets:
        return f"its header claims {info.declared_frames} frames and it holds {scan.packets}"
    if scan.damaged:
        return (
            f"{scan.damaged} of its packets are damaged, and the damaged frames would not be marked"
        )
    if not scan.container.startswith(_INDEXED):
        return f"jumps are not exact in {scan.container}"
    if scan.container == "avi" and scan.reordered:
        return "AVI holds no times for frames stored out of order"
    if scan.leading:
        return "frames refer across keyframes (open GOP)"
    if info.hdr:
        return "its high dynamic range would be washed out"
    if info.primaries == "bt2020":
        return "its wide gamut would be washed out"
    if info.mirrored:
        return "its picture is to be mirrored"
    if _may_be_transparent(info.pixel_format):
        return "its transparency would be lost"
    return None


def _may_be_transparent(pixel_format: str) -> bool:
    """Whether there is room for transparency: the reference shows black there, others what lies
    hidden. A palette may hold it too."""
    format = av.VideoFormat(pixel_format)
    return format.has_palette or any(part.is_alpha for part in format.components)
