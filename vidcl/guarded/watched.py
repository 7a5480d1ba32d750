"""A child as its supervisor sees it: what it says, what it writes, and how it ended."""

import os
import select
import signal
import socket
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from vidcl.errors import VidclError
from vidcl.guarded.channel import Inbox, send
from vidcl.guarded.server import STATUS

#: Bytes of what a child writes to stdout and stderr that are kept: the last ones.
TAIL = 1 << 14

#: Seconds that a child whose socket is closed has to end by itself, and that the kernel has to end
#: one that is killed.
_FAREWELL = 1.0
_END = 10.0

#: Signals by which the kernel, or a library itself, ends a process for what it did.
_OWN_FAULTS = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGSYS}
)


class ChildSlow(Exception):
    """A child said nothing within the time it had."""


class ChildDied(Exception):
    """A child ended without a word.

    Attributes:
        signal: that ended it, or None.
        status: it ended with, or None; where both are None it was lost with its server.
        messages: the last it wrote to stdout and stderr.
    """

    def __init__(self, code: int | None, messages: str) -> None:
        self.signal = -code if code is not None and code < 0 else None
        self.status = code if code is not None and code >= 0 else None
        self.messages = messages
        super().__init__(f"a child {self.how}")

    @property
    def from_outside(self) -> bool:
        """Whether something other than its own doing ended it, such as a want of memory."""
        return self.status is None and self.signal not in _OWN_FAULTS

    @property
    def how(self) -> str:
        """``was ended by SIGSEGV``, ``ended itself with status 3``, ``was lost``."""
        if self.signal is not None:
            try:
                return f"was ended by {signal.Signals(self.signal).name}"
            except ValueError:
                return f"was ended by signal {self.signal}"
        return "was lost" if self.status is None else f"ended itself with status {self.status}"


class ChildRaised(RuntimeError):
    """The function of a child raised something unforeseen; the text is its traceback."""


class Child:
    """A child that was asked for; use it in a ``with`` statement, at whose end it is killed."""

    def __init__(self, sock: socket.socket, told: socket.socket, messages: int) -> None:
        self._sock = sock
        self._told = told
        self._read = messages
        self._inbox = Inbox(sock)
        self._tail = bytearray()
        self._code: int | None = None
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._poll.register(messages, select.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Have the child killed, if it lives, wait for its end and forget it."""
        if self._read < 0:
            return
        self._sock.close()
        self._kill()
        self._told.close()
        os.close(self._read)
        self._read = -1

    def say(self, message: Any) -> None:
        """Send an object that pickles; whether it was heard shows when the child is heard."""
        with suppress(OSError):
            send(self._sock, message)

    def hear(self, seconds: float | None = None) -> tuple[str, Any]:
        """Wait for ``("said", message)`` or ``("returned", value)``.

        Raises:
            ChildSlow: nothing came within the time.
            ChildDied: it ended without a result.
            VidclError, MemoryError: its function raised it.
            ChildRaised: its function raised something else.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while (found := self._pop()) is None:
            if self._inbox.closed:
                raise self._died()
            left = None if until is None else 1000 * (until - time.monotonic())
            if left is not None and left <= 0:
                raise ChildSlow
            for number, _ in self._poll.poll(left):
                if number == self._read:
                    self._drain()
                else:
                    self._inbox.take_in()
        how, what = found[0]
        if how == "refused":
            raise VidclError(what)
        if how == "memory":
            raise MemoryError(what)
        if how == "raised":
            raise ChildRaised(what)
        return how, what

    def messages(self) -> str:
        """What it has written to stdout and stderr since this was last asked, the end of it."""
        self._drain()
        text = self._tail.decode("utf-8", "replace")
        self._tail.clear()
        return text

    def _pop(self) -> tuple[Any] | None:
        try:
            return self._inbox.pop()
        except Exception as error:
            # bytes that are no message come from a process whose memory is damaged
            self._kill()
            raise ChildDied(-signal.SIGSEGV, f"{self.messages()}\n{error}") from error

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            while piece := os.read(self._read, 1 << 16):
                self._tail += piece
                del self._tail[:-TAIL]
            with suppress(KeyError):
                self._poll.unregister(self._read)  # at its end it would be ready for ever

    def _died(self) -> ChildDied:
        code = self._end(_FAREWELL)
        if code is None:
            code = self._kill()
        return ChildDied(code, self.messages())

    def _kill(self) -> int | None:
        with suppress(OSError):
            self._told.sendall(b"k")
        return self._end(_END)

    def _end(self, seconds: float) -> int | None:
        """How it ended, once it has; None where that is not to be known."""
        if self._code is None:
            self._told.settimeout(seconds)
            with suppress(OSError):
                data = self._told.recv(STATUS.size)
                self._code = STATUS.unpack(data)[0] if len(data) == STATUS.size else None
        return self._code
