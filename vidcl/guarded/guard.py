"""The supervising side: a server that gives children, to whichever thread asks."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import vidcl
from vidcl.errors import VidclError
from vidcl.guarded.watched import TAIL, Child, ChildDied, ChildSlow

#: Seconds that a child has to take what it is sent and to begin; modules may lie on a slow disk.
_PATIENCE = 600.0

#: A child that does not begin is asked for so many times.
_TRIES = 3

#: Threads of libraries are of no use to a process that works on one core, and no fork takes them
#: along.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class GuardClosed(Exception):
    """A child was asked of a guard that is closed."""


class Guard:
    """A server of children; started when the first child is asked for, and again if it dies.

    Several threads may use one. It takes part in no fork: each process has its own.

    Args:
        modules: to import before the first child is forked.
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        self.closed = False
        self._modules = tuple(modules)
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115

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
        """End the server and with it every child, at once; no further one can be asked for."""
        self.closed = True
        with self._lock:
            self._stop()

    def child(
        self,
        function: str,
        *arguments: Any,
        memory: int | None = None,
        modules: Sequence[str] = (),
    ) -> "Child":
        """Fork a child that calls ``function(link, *arguments)``, and wait until it begins.

        Args:
            function: ``module:name``; this process does not import it.
            arguments: must pickle.
            memory: bytes that it may allocate; None is no limit.
            modules: that it will want, imported once in the server.

        Raises:
            GuardClosed: this guard is closed.
            ChildRaised: the function or its arguments cannot be imported.
            VidclError: no child comes to life, three times.
        """
        wanted = [function.partition(":")[0], *self._modules, *modules]
        for _ in range(_TRIES):
            child = self._fork(function, arguments, memory, wanted)
            try:
                child.hear(_PATIENCE)
                return child
            except (ChildDied, ChildSlow):
                child.close()
            except BaseException:
                child.close()
                raise
        raise VidclError(
            f"No process for {function} stays alive on this machine: see whether memory or "
            f"processes are short, then run the same command again. {self.complaint()}".rstrip()
        )

    def _fork(
        self, function: str, arguments: Sequence[Any], memory: int | None, modules: Sequence[str]
    ) -> "Child":
        ours, theirs = socket.socketpair()
        told, tell = socket.socketpair()
        read, write = os.pipe()
        os.set_blocking(read, False)
        ours.settimeout(_PATIENCE)
        request = {
            "memory": memory,
            "modules": list(modules),
            "path": [os.path.abspath(entry) for entry in sys.path],
        }
        try:
            self._ask(json.dumps(request).encode(), [theirs.fileno(), write, tell.fileno()])
        except OSError:
            pass  # the server has just died: the closed sockets say so to who listens
        except BaseException:
            for end in (ours, told):
                end.close()
            os.close(read)
            raise
        finally:
            theirs.close()
            tell.close()
            os.close(write)
        child = Child(ours, told, read)
        child.say((function, arguments))
        return child

    @property
    def server(self) -> int | None:
        """Process id of the server, once there is one."""
        return None if self._server is None else self._server.pid

    def complaint(self) -> str:
        """The last that the server itself wrote to stderr; nothing, as a rule."""
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), TAIL, max(0, size - TAIL)).decode("utf-8", "replace")

    def _ask(self, request: bytes, descriptors: list[int]) -> None:
        with self._lock:
            if self.closed:
                raise GuardClosed
            if self._server is None or self._server.poll() is not None:
                self._stop()
                self._start()
            assert self._control is not None
            socket.send_fds(self._control, [request], descriptors)

    def _start(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        root = str(Path(vidcl.__file__).parents[1])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            **os.environ,
            **dict.fromkeys(_ONE_THREAD, "1"),
            "PYTHONPATH": os.pathsep.join(paths),
        }
        command = [sys.executable, "-P", "-m", "vidcl.guarded.server"]
        with theirs:
            self._server = subprocess.Popen(
                [*command, str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                start_new_session=True,  # a terminal's Ctrl-C is for the supervisor alone
            )

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        self._control = self._server = None
