"""Read the headers of coded pictures bit by bit."""


class BitReader:
    """Unsigned and Exp-Golomb codes from the beginning of a NAL unit's payload.

    Args:
        data: bytes after the NAL unit's header; emulation prevention bytes are taken out.

    Raises:
        EOFError: more bits are asked for than there are.
    """

    def __init__(self, data: bytes) -> None:
        data = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def bits(self, count: int) -> int:
        """The next ``count`` bits as an unsigned number."""
        self._left -= count
        if self._left < 0:
            raise EOFError("the header ends early")
        return self._value >> self._left & (1 << count) - 1

    def ue(self) -> int:
        """An unsigned Exp-Golomb code (H.264, 9.1)."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
        return (1 << zeros) - 1 + self.bits(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb code."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)
