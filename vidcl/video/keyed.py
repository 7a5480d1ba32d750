"""Codecs of which only the keyframes can be told, and those that have nothing else."""

from vidcl.video.looks import CLEAN, CLOSED, HIDDEN, NONREF, Irregular


class IntraLook:
    """Flags of a codec in which every picture stands alone."""

    references = True

    def __call__(self, data: bytes, keyframe: bool) -> int:
        if not keyframe or not len(data):
            raise Irregular("a picture that does not stand alone")
        return CLEAN | CLOSED | NONREF


class VP8Look:
    """Flags of VP8 packets (RFC 6386, 9.1): a packet may only store a picture for reference."""

    references = False

    def __call__(self, data: bytes, keyframe: bool) -> int:
        if len(data) < 3:
            raise Irregular("an empty packet")
        flags = 0 if data[0] & 1 else CLEAN | CLOSED
        return flags if data[0] & 16 else flags | HIDDEN


class VP9Look:
    """Flags of VP9 packets (bitstream specification, 6.2 and annex B)."""

    references = False

    def __call__(self, data: bytes, keyframe: bool) -> int:
        if len(data) < 2 or data[0] >> 6 != 2:
            raise Irregular("a packet cannot be read")
        first = data[0]
        profile = (first >> 5 & 1) | (first >> 3 & 2)
        bits = int.from_bytes(data[:2], "big")
        left = 10 if profile == 3 else 11  # after marker, profile and perhaps a reserved bit
        if bits >> left & 1:  # a picture stored before is shown
            return 0
        inter, shown = bits >> left - 1 & 1, bits >> left - 2 & 1
        together = data[-1] & 0xE0 == 0xC0  # an index of frames at the end: the last is shown
        flags = 0 if inter else CLEAN | CLOSED
        return flags if shown or together else flags | HIDDEN


class AV1Look:
    """Flags of AV1 packets: keyframes as the container names them."""

    references = False

    def __call__(self, data: bytes, keyframe: bool) -> int:
        return CLEAN | CLOSED if keyframe else 0
