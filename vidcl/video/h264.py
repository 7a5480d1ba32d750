"""Which H.264 pictures nobody refers to, and where decoding may begin (ITU-T H.264, 7.3)."""

from dataclasses import dataclass

from vidcl.video.bits import BitReader
from vidcl.video.looks import CLEAN, CLOSED, NONREF, Irregular
from vidcl.video.nal import parameter_sets, units

#: Profiles whose parameter sets describe the chroma format.
_HIGH = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
_SLICE, _IDR, _SEI, _SPS = 1, 5, 6, 7
_RECOVERY_POINT = 6


@dataclass(frozen=True)
class _Numbering:
    """How pictures are numbered: bits of ``frame_num``, or None where numbers may have gaps."""

    bits: int | None


class H264Look:
    """Flags of H.264 packets.

    A picture counts as not referred to when its slice says so and the numbering bears it out:
    the picture after it must carry the same ``frame_num``, and the one after a reference the
    next. A stream that lies about this, or lacks pictures, is told from the next packet, before
    anything is left out.

    Args:
        extradata: ``avcC`` record, or parameter sets in Annex B.
    """

    def __init__(self, extradata: bytes) -> None:
        avcc = extradata[:1] == b"\x01" and len(extradata) > 5
        self._length = (extradata[4] & 3) + 1 if avcc else 0
        try:
            if avcc:
                sets = parameter_sets(extradata, (5, 0x1F))
            else:
                sets = [extradata[a:b] for a, b in units(extradata, 0)]
        except EOFError:
            sets = []
        # A unit of Annex B may be followed by zero bytes that are no part of it.
        self._sps = [unit.rstrip(b"\x00") for unit in sets if unit[:1] and unit[0] & 31 == _SPS]
        self._bits = _numbering(self._sps[0]).bits if len(self._sps) == 1 else None
        self.references = self._bits is not None
        self._expected: int | None = None

    def __call__(self, data: bytes, keyframe: bool) -> int:
        recovery = False
        if self._length == 4 and not keyframe and len(data) > 5 and data[4] & 31 == _SLICE:
            # Most packets are one slice; the loop below would find the same, more slowly.
            if not 0 < int.from_bytes(data[:4], "big") <= len(data) - 4:
                raise Irregular("a packet cannot be read")
            try:
                return self._slice(data[4:28], False, False)
            except (EOFError, IndexError) as error:
                raise Irregular("a packet cannot be read") from error
        try:
            for begin, end in units(data, self._length):
                kind = data[begin] & 31
                if kind in (_SLICE, _IDR):
                    return self._slice(data[begin : begin + 24], recovery, keyframe)
                if kind == _SPS and data[begin:end].rstrip(b"\x00") not in self._sps:
                    raise Irregular("parameter sets change")
                if kind == _SEI and keyframe:
                    recovery = recovery or _recovers_exactly(data[begin + 1 : end])
        except (EOFError, IndexError) as error:
            raise Irregular("a packet cannot be read") from error
        raise Irregular("a packet holds no slice")

    def _slice(self, unit: bytes, recovery: bool, keyframe: bool) -> int:
        refers, idr = unit[0] & 0x60, unit[0] & 31 == _IDR
        if self._bits is not None:
            number = _frame_number(unit[1:], self._bits)
            if self._expected is not None and not idr and number != self._expected:
                raise Irregular("pictures are numbered wrongly, or said to be no references")
            self._expected = (number + 1) % (1 << self._bits) if refers else number
        if not refers:
            return NONREF if self.references else 0
        if idr:
            return CLEAN | CLOSED
        return CLEAN if recovery else 0


def _frame_number(header: bytes, bits: int) -> int:
    """``frame_num`` of a slice, after three Exp-Golomb codes; read for every picture."""
    if b"\x00\x00\x03" in header:
        header = header.replace(b"\x00\x00\x03", b"\x00\x00")
    value, left = int.from_bytes(header, "big"), 8 * len(header)
    for _ in range(3):
        left -= 2 * (left - value.bit_length()) + 1
        if left < bits:
            raise EOFError("the header ends early")
        value &= (1 << left) - 1
    return value >> left - bits


def _numbering(sps: bytes) -> _Numbering:
    try:
        reader = BitReader(sps[1:])
        profile = reader.bits(8)
        reader.bits(16)
        reader.ue()
        if profile in _HIGH:
            chroma = reader.ue()
            if chroma == 3 and reader.bits(1):
                return _Numbering(None)  # three separate planes
            reader.ue(), reader.ue(), reader.bits(1)
            if reader.bits(1):
                for index in range(12 if chroma == 3 else 8):
                    if reader.bits(1):
                        _skip_scaling_list(reader, 16 if index < 6 else 64)
        bits = reader.ue() + 4
        order = reader.ue()
        if order == 0:
            reader.ue()
        elif order == 1:
            reader.bits(1), reader.se(), reader.se()
            for _ in range(reader.ue()):
                reader.se()
        reader.ue()
        gaps = reader.bits(1)
    except EOFError:
        return _Numbering(None)
    return _Numbering(None if gaps or bits > 16 else bits)


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last, following = 8, 8
    for _ in range(size):
        if following:
            following = (last + reader.se()) % 256
        last = following or last


def _recovers_exactly(sei: bytes) -> bool:
    """Whether a message says that all is exact from this picture on."""
    place = 0
    sei = sei.replace(b"\x00\x00\x03", b"\x00\x00")
    while place + 2 < len(sei):
        kind, size, place = _sei_header(sei, place)
        if kind == _RECOVERY_POINT:
            reader = BitReader(sei[place : place + size])
            return reader.ue() == 0 and reader.bits(1) == 1
        place += size
    return False


def _sei_header(sei: bytes, place: int) -> tuple[int, int, int]:
    values = []
    for _ in range(2):
        value = 0
        while sei[place] == 0xFF:
            value, place = value + 255, place + 1
        values.append(value + sei[place])
        place += 1
    return values[0], values[1], place
