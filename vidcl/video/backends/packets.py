"""What a file's packets say, without decoding them: the times, and whom to trust with the file."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from vidcl.video.probe import DECODE_ERRORS, declared_end, is_dts_only, open_stream, reason


@dataclass(frozen=True)
class PacketScan:
    """One pass over the packets of a file's main picture stream.

    Attributes:
        times: float64 [N], increasing: presentation times of the shown frames in seconds.
        grain: seconds by which a time is uncertain, as the reference's clock has it.
        container: FFmpeg's name of the container format, such as ``mov,mp4,m4a,3gp,3g2,mj2``.
        stream_index: the main picture stream's.
        is_best: FFmpeg's own choice of stream is the same.
        packets: all packets of the stream, shown or not.
        unshown: packets that an edit list leaves out.
        untimed: packets without a time, or with that of another.
        reordered: packets are not stored in the order they are shown.
        leading: packets shown before the keyframe that precedes them in the file (open GOP).
        begins_with_key: the first packet is a keyframe.
        damaged: packets that the container flags as such; most damage is only seen by a decoder.
        missing: seconds by which the last frame ends before the header says.
        error: FFmpeg's words where reading stopped early, or None.
    """

    times: np.ndarray
    grain: float
    container: str
    stream_index: int
    is_best: bool
    packets: int
    unshown: int
    untimed: int
    reordered: bool
    leading: int
    begins_with_key: bool
    damaged: int
    missing: float
    error: str | None


def scan_packets(path: str | Path) -> PacketScan:
    """Read every packet of the main picture stream; nothing is decoded.

    Raises:
        VideoError: the file cannot be opened.
    """
    with open_stream(path) as (container, stream):
        count, error = _count(container, stream)
        base = stream.time_base
        scale = float(base) if base is not None else 1e-3
        shown = np.unique(np.array(count.stamps, dtype=np.int64))
        times = np.array([float(stamp * base) for stamp in shown.tolist()]) if base else shown * 0.0
        end = declared_end(container, stream)
        missing = end - times[-1] if end is not None and len(times) else 0.0
        too_short = end is not None and missing > max(0.5, 0.1 * end)
        best = container.streams.best("video")
        in_order = count.stamps == sorted(count.stamps)
        return PacketScan(
            times=times,
            grain=min(scale, 2e-3),
            container=container.format.name,
            stream_index=stream.index,
            is_best=best is not None and best.index == stream.index,
            packets=count.packets,
            unshown=count.unshown,
            untimed=count.untimed + len(count.stamps) - len(shown),
            reordered=not in_order or stream.codec_context.has_b_frames,
            leading=count.leading,
            begins_with_key=count.begins_with_key,
            damaged=count.damaged,
            missing=missing if too_short else 0.0,
            error=error,
        )


@dataclass
class _Count:
    """What ``PacketScan`` says, packet by packet; ``stamps`` are those of the shown frames."""

    stamps: list[int] = field(default_factory=list)
    packets: int = 0
    unshown: int = 0
    untimed: int = 0
    leading: int = 0
    damaged: int = 0
    begins_with_key: bool = False
    _key_stamp: int | None = None

    def add(self, packet: Packet, stamp: int | None) -> None:
        if not self.packets:
            self.begins_with_key = packet.is_keyframe
        self.packets += 1
        self.damaged += packet.is_corrupt
        if stamp is None:
            self.untimed += 1
            return
        if packet.is_keyframe:
            self._key_stamp = stamp
        elif self._key_stamp is not None and stamp < self._key_stamp:
            self.leading += 1
        if packet.is_discard:
            self.unshown += 1
        else:
            self.stamps.append(stamp)


def _count(container: InputContainer, stream: VideoStream) -> tuple[_Count, str | None]:
    """The packets, and FFmpeg's words where reading stopped early."""
    count = _Count()
    prefer_dts = is_dts_only(container)
    try:
        for packet in container.demux(stream):
            if packet.size:  # the last one drains the decoder
                count.add(packet, packet.dts if prefer_dts else packet.pts)
    except DECODE_ERRORS as error:
        return count, reason(error)
    return count, None
