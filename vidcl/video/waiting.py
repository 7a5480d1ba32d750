"""Packets that were read and not yet decoded."""

from collections import deque

from vidcl.video.packets import Coded

#: Packets that wait for a wanted picture; beyond, the oldest are decoded.
_MOST = 1000
_MOST_BYTES = 48 * 2**20


class Waiting:
    """Packets in order of the file, until it is known whether they are needed."""

    def __init__(self) -> None:
        self._packets: deque[Coded] = deque()
        self._clean: deque[Coded] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._packets)

    def push(self, coded: Coded) -> None:
        """Add the packet read last."""
        self._packets.append(coded)
        self._bytes += coded.packet.size
        if coded.clean:
            self._clean.append(coded)

    def pop(self) -> Coded:
        """Take out the oldest."""
        coded = self._packets.popleft()
        self._bytes -= coded.packet.size
        if coded.clean:
            self._clean.popleft()
        return coded

    def surplus(self) -> int:
        """How many of the oldest are to be decoded because too much waits."""
        if len(self._packets) > _MOST or self._bytes > _MOST_BYTES:
            return len(self._packets) // 2
        return 0

    def before(self, time: float) -> list[Coded]:
        """Take out those that nothing from ``time`` on needs, because a clean picture follows."""
        clean = None
        while self._clean and self._clean[0].time <= time:
            clean = self._clean.popleft()
        if clean is None:
            return []
        self._clean.appendleft(clean)
        dropped = []
        while self._packets[0] is not clean:
            dropped.append(self._packets.popleft())
            self._bytes -= dropped[-1].packet.size
        return dropped
