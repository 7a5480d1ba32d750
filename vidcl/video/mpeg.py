"""Which MPEG-1, MPEG-2 and MPEG-4 pictures nobody refers to, and where decoding may begin."""

from vidcl.video.looks import CLEAN, NONREF, Irregular

_PICTURE, _GROUP, _SEQUENCE = b"\x00\x00\x01\x00", b"\x00\x00\x01\xb8", b"\x00\x00\x01\xb3"
_VOP, _VOL = b"\x00\x00\x01\xb6", b"\x00\x00\x01"


class MPEG2Look:
    """Flags of MPEG-1 and MPEG-2 packets (ISO/IEC 13818-2, 6.2.3).

    Decoding begins at an I picture with a header of a group; B pictures that follow it and are
    shown before it need the group before.
    """

    references = True

    def __init__(self) -> None:
        self._sequence: bytes | None = None

    def __call__(self, data: bytes, keyframe: bool) -> int:
        place = data.find(_PICTURE)
        if place < 0 or place + 6 > len(data):
            raise Irregular("a packet holds no picture")
        if data.find(_PICTURE, place + 4) >= 0 and _frames(data, place) > 2:
            raise Irregular("a packet holds several pictures")
        header = data.find(_SEQUENCE, 0, place)
        if header >= 0:
            size = data[header + 4 : header + 8]
            if self._sequence is not None and size != self._sequence:
                raise Irregular("parameter sets change")
            self._sequence = size
        kind = data[place + 5] >> 3 & 7
        if kind == 3:
            return NONREF
        return CLEAN if kind == 1 and data.find(_GROUP, 0, place) >= 0 else 0


class MPEG4Look:
    """Flags of MPEG-4 part 2 packets (ISO/IEC 14496-2, 6.2.5), one picture in each."""

    references = True

    def __call__(self, data: bytes, keyframe: bool) -> int:
        place = data.find(_VOP)
        if place < 0 or place + 5 > len(data):
            raise Irregular("a packet holds no picture")
        if data.find(_VOP, place + 4) >= 0:
            raise Irregular("a packet holds several pictures")
        kind = data[place + 4] >> 6
        if kind == 2:
            return NONREF
        return CLEAN if kind == 0 and keyframe else 0


def _frames(data: bytes, place: int) -> int:
    count = 0
    while place >= 0:
        count += 1
        place = data.find(_PICTURE, place + 4)
    return count
