"""A file open at its beginning, decoded up to its first picture."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from av.packet import Packet
from av.video.frame import VideoFrame

from vidcl.video.info import VideoInfo
from vidcl.video.probe import (
    DECODE_ERRORS,
    check_colours,
    describe,
    is_dts_only,
    no_frame,
    open_main,
)

#: Containers whose index takes one to the keyframe at or before a time. The others are read from
#: their beginning, which is slower and never wrong.
_SEEKABLE = ("mov", "matroska")


class Opened:
    """The main picture stream of a file, decoded up to its first picture and no further.

    A pass over the file goes on from there, so a clip that is opened, described and read once is
    decoded once.

    Args:
        path: the file.

    Attributes:
        packets, frames: what was read and decoded so far.
        rest: the packets after those; the last is an empty one that drains the decoder.
        drained: there is no rest.

    Raises:
        VideoError: the file cannot be opened or not one frame of it decodes.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path if isinstance(path, Path) else Path(path)
        self.container, self.stream = open_main(self.path)
        self.by_dts = is_dts_only(self.container)
        self.packets: list[Packet] = []
        self.frames: list[VideoFrame] = []
        self.rest: Iterator[Packet] = self.container.demux(self.stream)
        self.drained = False
        try:
            self._read_first()
        except (*DECODE_ERRORS, MemoryError) as error:
            self.close()
            raise no_frame(path, error) from error
        if not self.frames:
            self.close()
            raise no_frame(path)

    def _read_first(self) -> None:
        context = self.stream.codec_context
        for packet in self.rest:
            self.drained = is_last(packet)
            if not self.drained:
                self.packets.append(packet)
            self.frames += context.decode(packet)
            if self.frames:
                return

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def info(self) -> VideoInfo:
        """What the file holds.

        Raises:
            VideoError: its colours cannot be honoured.
        """
        check_colours(self.path, self.stream, self.frames[0])
        return describe(str(self.path), self.container, self.stream, self.frames[0])

    def decode(self) -> Iterator[list[VideoFrame]]:
        """All pictures from where the file stands, packet by packet; may raise ``DECODE_ERRORS``.

        A list is no longer held here once the next is asked for.
        """
        frames, self.frames = self.frames, []
        return itertools.chain([frames], map(self.stream.codec_context.decode, self.rest))

    def seekable(self) -> bool:
        """Whether an index takes one to keyframes."""
        return (
            self.container.format.name.startswith(_SEEKABLE) and self.stream.time_base is not None
        )

    def jump(self, stamp: int) -> None:
        """Go to the keyframe at or before ``stamp``, in units of the stream; may raise.

        The decoder forgets its pictures. It has seen the first packet of the file by then, which
        in an x264 stream names the encoder's version: FFmpeg works around the faults of old
        versions only when it has seen it.
        """
        self.container.seek(stamp, stream=self.stream)
        self.packets, self.frames = [], []
        self.drained = False
        self.rest = self.container.demux(self.stream)


def is_last(packet: Packet) -> bool:
    """Whether this is the empty packet after the last one."""
    return packet.size == 0 and packet.dts is None and packet.pts is None
