"""NAL units of one packet, as H.264 and HEVC pack them."""

from collections.abc import Iterator

#: Begins a NAL unit in an Annex B stream.
_START = b"\x00\x00\x01"


def units(data: bytes, length_size: int) -> Iterator[tuple[int, int]]:
    """Beginning and end of each NAL unit in ``data``, without its length or start code.

    Args:
        data: one packet.
        length_size: bytes of the length before each unit; 0 for Annex B, where a start code
            comes before it.

    Raises:
        EOFError: a length reaches beyond the packet.
    """
    if length_size:
        place = 0
        while place < len(data):
            begin = place + length_size
            place = begin + int.from_bytes(data[place:begin], "big")
            if place > len(data) or place <= begin:
                raise EOFError("a NAL unit reaches beyond its packet")
            yield begin, place
        return
    begin = data.find(_START)
    if begin < 0:
        raise EOFError("no start code")
    while begin >= 0:
        after = data.find(_START, begin + 3)
        yield begin + 3, after if after >= 0 else len(data)
        begin = after


def parameter_sets(extradata: bytes, arrays: tuple[int, int]) -> list[bytes]:
    """Units in an ``avcC`` record: ``arrays`` is the place of the first count and its mask."""
    place, mask = arrays
    found = []
    for _ in range(2):
        if place >= len(extradata):
            break
        count = extradata[place] & mask
        place, mask = place + 1, 0xFF
        for _ in range(count):
            size = int.from_bytes(extradata[place : place + 2], "big")
            found.append(extradata[place + 2 : place + 2 + size])
            place += 2 + size
    return found
