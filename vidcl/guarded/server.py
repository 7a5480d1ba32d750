"""The process that children are forked from: one thread, modules imported, nothing begun.

Started by ``guard.Guard`` as ``python -m vidcl.guarded.server FD SUPERVISOR``. Over the socket FD
come requests: one JSON object each, with three descriptors (the child's socket, what is to be its
stderr, and the socket on which its end is told). It ends when its supervisor does, and the kernel
then ends its children.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

from vidcl.guarded.child import run_child

#: How a child ended, as ``os.waitstatus_to_exitcode`` says it: minus the signal, or its status.
STATUS = struct.Struct("<i")

#: Requests are shorter than this (bytes).
REQUEST = 1 << 17


class Server:
    """Forks a child per request and tells how each one ended."""

    def __init__(self, control: socket.socket, supervisor: int) -> None:
        self._control = control
        self._supervisor = supervisor
        self._pid = os.getpid()
        self._children: dict[int, socket.socket] = {}
        self._supervisor_ends = -1
        self._poll = select.poll()
        self._wake, self._waker = socket.socketpair()

    def run(self) -> None:
        """Serve until the supervisor goes."""
        self._waker.setblocking(False)
        self._wake.setblocking(False)
        signal.signal(signal.SIGCHLD, _nothing)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._poll.register(self._control, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)
        with suppress(OSError, AttributeError):
            # the socket alone would not tell where a fork of the supervisor keeps it open
            self._supervisor_ends = os.pidfd_open(self._supervisor)
            self._poll.register(self._supervisor_ends, select.POLLIN)
        while True:
            for number, _ in self._poll.poll():
                if number == self._supervisor_ends:
                    return
                if number == self._wake.fileno():
                    with suppress(BlockingIOError):
                        self._wake.recv(4096)
                elif number == self._control.fileno():
                    if not self._take_request():
                        return
                else:
                    self._kill(number)
            self._reap()

    def _take_request(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, REQUEST, 3)
        if not data:
            return False
        talk, messages, status = descriptors
        request = json.loads(data)
        _prepare(request)
        gc.freeze()  # a collection in a child would touch, and so copy, every shared page
        try:
            pid = os.fork()
        except OSError:
            pid = -1  # no memory or no processes left: the closed sockets say that it is gone
        if pid == 0:
            self._become_child(request, talk, messages, status)
        os.close(talk)
        os.close(messages)
        if pid < 0:
            os.close(status)
        else:
            self._children[pid] = socket.socket(fileno=status)
            self._poll.register(status, select.POLLIN)
        return True

    def _become_child(self, request: dict[str, Any], talk: int, messages: int, status: int) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            os.close(status)
            if self._supervisor_ends >= 0:
                os.close(self._supervisor_ends)
            for open_socket in (self._control, self._wake, self._waker, *self._children.values()):
                open_socket.close()
            run_child(socket.socket(fileno=talk), messages, request["memory"], self._pid)
            code = 0
        finally:
            # not sys.exit: what the server has registered for its own end is not the child's
            os._exit(code)

    def _kill(self, number: int) -> None:
        """The supervisor wants a child's end, or has gone itself."""
        for pid, status in self._children.items():
            if status.fileno() == number:
                self._poll.unregister(number)
                os.kill(pid, signal.SIGKILL)  # it is not yet reaped: the number is still its own
                return

    def _reap(self) -> None:
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            told = self._children.pop(pid)
            with suppress(KeyError):
                self._poll.unregister(told)
            with suppress(OSError):
                told.sendall(STATUS.pack(os.waitstatus_to_exitcode(status)))
            told.close()


def _prepare(request: dict[str, Any]) -> None:
    """Import what the child will use. What cannot be imported is told by the child itself."""
    if sys.path != request["path"]:
        sys.path[:] = request["path"]
    for name in request["modules"]:
        if name not in sys.modules:
            with suppress(Exception):
                importlib.import_module(name)


def _nothing(number: int, frame: FrameType | None) -> None:
    """A handler, so that the signal interrupts the wait."""


def main(control: int, supervisor: int) -> None:
    """The body of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Server(socket.socket(fileno=control), supervisor).run()
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
