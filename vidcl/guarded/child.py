"""What happens in a forked child before and after the function it was forked for."""

import ctypes
import importlib
import os
import resource
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import Any

from vidcl.errors import VidclError
from vidcl.guarded.channel import Inbox, send

_PR_SET_PDEATHSIG = 1


class Link:
    """The child's end of the talk with its supervisor."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._inbox = Inbox(sock)

    def say(self, message: Any) -> None:
        """Send an object that pickles.

        Raises:
            OSError: the supervisor has gone.
        """
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        send(self._sock, ("said", message))

    def hear(self) -> Any:
        """Wait for an object.

        Raises:
            EOFError: the supervisor has gone.
        """
        while (message := self._inbox.pop()) is None:
            self._inbox.take_in()
            if self._inbox.closed:
                raise EOFError("the supervisor has gone")
        return message[0]

    def fileno(self) -> int:
        """Descriptor of the socket."""
        return self._sock.fileno()

    def finish(self, how: str, what: Any) -> None:
        """The last word: ``returned`` a value, ``refused`` for a reason, or ``raised``."""
        send(self._sock, (how, what))


def run_child(sock: socket.socket, messages: int, memory: int | None, parent: int) -> None:
    """Be a child: limits first, then the function that the supervisor names.

    Args:
        messages: descriptor that takes the place of stdout and stderr.
        memory: bytes that may be allocated beyond what the server has.
        parent: process id of the server.
    """
    _bind_to(parent)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(messages, 1)
    os.dup2(messages, 2)
    os.close(nothing)
    os.close(messages)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # where the machine runs out of memory, this process goes and not its supervisor
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")
    if memory is not None:
        limit_memory(memory)
    link = Link(sock)
    try:
        name, arguments = link.hear()
        function = find(name)
        link.say("begins")
        value = function(link, *arguments)
    except VidclError as error:
        link.finish("refused", str(error))
    except MemoryError:
        link.finish("memory", "the process reached its limit of memory")
    except Exception:
        link.finish("raised", traceback.format_exc())
    else:
        link.finish("returned", value)


def find(name: str) -> Any:
    """The object that ``module:name`` names."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def limit_memory(extra: int) -> None:
    """Let this process allocate at most ``extra`` bytes beyond what it has.

    RLIMIT_DATA counts private writable memory: neither mapped files nor address space that is only
    reserved, which RLIMIT_AS would count and of which torch and CUDA take hundreds of GiB.
    """
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[5])
    most = pages * os.sysconf("SC_PAGE_SIZE") + extra
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _bind_to(parent: int) -> None:
    """Have the kernel kill this process when its parent dies."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before
        os._exit(1)
