"""Coded pictures of a stream in order of the file, with what a plan must know of each."""

from av.packet import Packet
from av.video.stream import VideoStream

from vidcl.video.h264 import H264Look
from vidcl.video.hevc import HEVCLook
from vidcl.video.keyed import AV1Look, IntraLook, VP8Look, VP9Look
from vidcl.video.looks import CLEAN, CLOSED, HIDDEN, LEADING, NONREF, Irregular, Look
from vidcl.video.mpeg import MPEG2Look, MPEG4Look

#: Codecs of which every picture stands alone.
_INTRA = ("mjpeg", "prores", "dnxhd", "rawvideo", "huffyuv", "utvideo", "dvvideo")


class Coded:
    """One packet and the picture in it.

    Attributes:
        time: presentation time in seconds.
        clean, nonref, hidden: decoding may begin here; nobody refers to it; it is not shown.
        leading: it is shown before the clean picture it follows.
        settled: its fate is known.
        wanted: it is to be decoded for its own sake.
        taken: it was decoded, or left out.
        reach: seconds; the latest of the pictures decoded so far when it was decoded.
    """

    __slots__ = (
        "clean",
        "hidden",
        "leading",
        "nonref",
        "packet",
        "pts",
        "reach",
        "settled",
        "taken",
        "time",
        "wanted",
    )

    def __init__(self, packet: Packet, pts: int, time: float, flags: int) -> None:
        self.packet = packet
        self.pts = pts
        self.time = time
        self.clean = flags & CLEAN != 0
        self.nonref = flags & NONREF != 0
        self.hidden = flags & HIDDEN != 0
        self.leading = flags & LEADING != 0
        self.settled = self.wanted = self.taken = False
        self.reach = time


class PacketReader:
    """Makes ``Coded`` of packets and refuses what a plan cannot rely on.

    Args:
        stream: a stream for which ``look_for`` knows a way.
        by_dts: the container stores no presentation times; those of decoding stand for them.
    """

    def __init__(self, stream: VideoStream, look: Look, by_dts: bool) -> None:
        base = stream.time_base
        assert base is not None
        self._numerator, self._denominator = base.numerator, base.denominator
        self._look = look
        self._by_dts = by_dts
        self._dts: int | None = None
        self._key: int | None = None
        self._latest: int | None = None
        self._closed = False

    def __call__(self, packet: Packet) -> Coded:
        """The picture of a packet.

        Raises:
            Irregular: times are missing or out of order, the packet is damaged, or its content
                contradicts what came before.
        """
        dts = packet.dts
        pts = dts if self._by_dts else packet.pts
        if pts is None or packet.is_corrupt:
            raise Irregular("a packet has no time, or is damaged")
        if dts is not None:
            if (self._dts is not None and dts <= self._dts) or pts < dts:
                raise Irregular("times of packets are out of order")
            self._dts = dts
        keyframe = packet.is_keyframe
        if keyframe and packet.has_sidedata("new_extradata"):
            raise Irregular("parameter sets change")
        flags = self._look(bytes(packet), keyframe)
        if packet.is_discard:
            flags = (flags | HIDDEN) & ~CLEAN
        if flags & CLEAN:
            if self._latest is not None and pts <= self._latest:
                raise Irregular("a picture is shown on the wrong side of a keyframe")
            self._key, self._closed = pts, bool(flags & CLOSED)
        elif self._key is not None and not flags & HIDDEN:
            early = pts < self._key
            if early != bool(flags & LEADING):
                if not early or self._closed:
                    raise Irregular("a picture is shown on the wrong side of a keyframe")
                flags |= LEADING
        if not flags & HIDDEN and (self._latest is None or pts > self._latest):
            self._latest = pts
        return Coded(packet, pts, pts * self._numerator / self._denominator, flags)


def look_for(stream: VideoStream, by_dts: bool) -> Look | None:
    """What reads the pictures of a stream, or None where only a plain decode is safe."""
    context = stream.codec_context
    name = context.codec.canonical_name
    if stream.time_base is None:
        return None
    if name in _INTRA:
        return IntraLook()
    if by_dts:
        return None
    extradata = bytes(context.extradata or b"")
    if name == "h264":
        return H264Look(extradata)
    if name == "hevc":
        return HEVCLook(extradata)
    if name in ("mpeg1video", "mpeg2video", "mpeg4"):
        # A transport or program stream need not store a time for each of these pictures, and
        # FFmpeg's guesses at the missing ones are not in order.
        if not stream.container.format.name.startswith(("mov", "matroska")):
            return None
        return MPEG4Look() if name == "mpeg4" else MPEG2Look()
    if name == "vp8":
        return VP8Look()
    if name == "vp9":
        return VP9Look()
    return AV1Look() if name == "av1" else None
