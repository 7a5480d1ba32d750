"""Which HEVC pictures nobody refers to, and where decoding may begin (ITU-T H.265, 7.4.2.2)."""

from vidcl.video.looks import CLEAN, CLOSED, LEADING, NONREF, Irregular
from vidcl.video.nal import units

_SPS = 33
_LEADING = range(6, 10)
_FIRST_CLEAN, _LAST_CLEAN = 16, 21


class HEVCLook:
    """Flags of HEVC packets.

    A sub-layer non-reference picture of the highest temporal sub-layer is referred to by nobody:
    its own layer does not, and there is none above.

    Args:
        extradata: ``hvcC`` record, or parameter sets in Annex B.
    """

    def __init__(self, extradata: bytes) -> None:
        hvcc = extradata[:1] == b"\x01" and len(extradata) > 22
        self._length = (extradata[21] & 3) + 1 if hvcc else 0
        try:
            sets = _arrays(extradata) if hvcc else [extradata[a:b] for a, b in units(extradata, 0)]
        except (EOFError, IndexError):
            sets = []
        self._sps = [unit.rstrip(b"\x00") for unit in sets if _kind(unit) == _SPS and len(unit) > 2]
        self._top = self._sps[0][2] >> 1 & 7 if len(self._sps) == 1 else None
        self.references = self._top is not None

    def __call__(self, data: bytes, keyframe: bool) -> int:
        try:
            for begin, end in units(data, self._length):
                kind = data[begin] >> 1 & 63
                layer = (data[begin] & 1) << 5 | data[begin + 1] >> 3
                if layer:
                    continue
                if kind < 32:
                    return self._picture(kind, (data[begin + 1] & 7) - 1)
                if kind == _SPS and data[begin:end].rstrip(b"\x00") not in self._sps:
                    raise Irregular("parameter sets change")
        except (EOFError, IndexError) as error:
            raise Irregular("a packet cannot be read") from error
        raise Irregular("a packet holds no slice")

    def _picture(self, kind: int, layer: int) -> int:
        if _FIRST_CLEAN <= kind <= _LAST_CLEAN:
            return CLEAN | CLOSED
        if self._top is not None and layer > self._top:
            raise Irregular("a picture of a sub-layer that was not declared")
        flags = LEADING if kind in _LEADING else 0
        if kind < 16 and not kind & 1 and self.references and layer == self._top:
            flags |= NONREF
        return flags


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 63 if unit else -1


def _arrays(record: bytes) -> list[bytes]:
    found, place = [], 23
    for _ in range(record[22]):
        count = int.from_bytes(record[place + 1 : place + 3], "big")
        place += 3
        for _ in range(count):
            size = int.from_bytes(record[place : place + 2], "big")
            found.append(record[place + 2 : place + 2 + size])
            place += 2 + size
    return found
