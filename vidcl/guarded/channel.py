"""Pickled messages over a stream socket, with deadlines."""

import pickle
import socket
import struct
from typing import Any

_HEADER = struct.Struct("<Q")

#: A longer message than this (bytes) is no message: the writer's memory is damaged.
LONGEST = 2**32


def send(sock: socket.socket, message: Any) -> None:
    """Send one object, waiting while the other side is slow to read.

    Raises:
        OSError: the other side has gone.
    """
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    sock.sendall(_HEADER.pack(len(data)))
    sock.sendall(data)


class Inbox:
    """Puts the messages of a socket together from the pieces in which they come."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.closed = False
        self._buffer = bytearray()

    def take_in(self) -> None:
        """Read what is there, waiting for the first byte; ``closed`` where nothing will come."""
        try:
            piece = self.sock.recv(1 << 20)
        except ConnectionError:
            piece = b""
        self._buffer += piece
        self.closed = not piece

    def pop(self) -> tuple[Any] | None:
        """The next message in a tuple of one, or None while it is not complete.

        Raises:
            ValueError: what came is no message.
        """
        if len(self._buffer) < _HEADER.size:
            return None
        (length,) = _HEADER.unpack_from(self._buffer)
        if length > LONGEST:
            raise ValueError(f"a message of {length} bytes")
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        message = pickle.loads(bytes(self._buffer[_HEADER.size : end]))
        del self._buffer[:end]
        return (message,)
