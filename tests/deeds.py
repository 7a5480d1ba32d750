"""What children do in the tests of guarding: things that no test may do to its own process."""

import ctypes
import os
import signal
import sys
import time

import numpy as np

from vidcl.errors import VidclError
from vidcl.guarded.child import Link


def double(link: Link, number: int) -> int:
    os.write(2, b"written by no Python stream\n")
    print("on stdout")
    print("on stderr", file=sys.stderr)
    link.say(os.getpid())
    return 2 * number


def echo(link: Link) -> str:
    while (message := link.hear()) is not None:
        link.say(message)
    return "over"


def facts(link: Link) -> dict[str, object]:
    return {
        "parent": os.getppid(),
        "session": os.getsid(0),
        "threads": len(os.listdir("/proc/self/task")),
        "stdin": os.read(0, 10),
        "modules": sorted(sys.modules),
        "omp": os.environ.get("OMP_NUM_THREADS"),
        "descriptors": sorted(map(int, os.listdir("/proc/self/fd")))[:-1],
    }


def segfault(link: Link) -> None:
    os.write(2, b"about to read address nought\n")
    ctypes.string_at(0)


def abort(link: Link) -> None:
    os.abort()


def end(link: Link, status: int) -> None:
    os._exit(status)


def kill_itself(link: Link, number: int) -> None:
    os.kill(os.getpid(), number)


def hang_with_the_gil(link: Link) -> None:
    link.say(os.getpid())
    ctypes.PyDLL(None).sleep(1000)


def hang(link: Link) -> None:
    link.say(os.getpid())
    time.sleep(1000)


def allocate(link: Link, size: int) -> int:
    return len(np.ones(size, np.uint8))


def refuse(link: Link) -> None:
    raise VidclError("Give it another name.")


def fail(link: Link) -> None:
    raise ZeroDivisionError("a bug")


def babble(link: Link, lines: int) -> None:
    for k in range(lines):
        os.write(2, b"line %d\n" % k)
    link.say("done")


def talk_nonsense(link: Link) -> None:
    os.write(link.fileno(), b"\xff" * 64)
    signal.pause()


def close_everything_and_stay(link: Link) -> None:
    os.closerange(0, 64)
    signal.pause()
