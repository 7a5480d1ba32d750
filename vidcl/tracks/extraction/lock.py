"""One extraction at a time on a store."""

import errno
import fcntl
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vidcl.errors import VidclError
from vidcl.tracks.compaction.settle import settle

#: What file systems say that know no locks.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the store for this process; the lock dies with it. What a process that was killed left
    half done is removed, or brought to its end.

    Whether machines that share a file system see each other's locks is up to that file system. One
    that knows no locks gives a warning.

    Raises:
        VidclError: another process holds it, or the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        # not emptied yet: it may name the process that holds it
        handle = os.fdopen(os.open(out / ".lock", os.O_RDWR | os.O_CREAT, 0o666), "r+")
    except OSError as error:
        raise VidclError(f"Cannot write to {out} ({error}): choose another --out.") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = handle.read().strip() or "a process"
            raise VidclError(
                f"Another extraction is at work on {out} ({holder}): wait for it, or use another "
                "--out."
            ) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise VidclError(f"Cannot lock {out} ({error}): choose another --out.") from error
            warnings.warn(
                f"the file system of {out} has no locks: see to it that no other extraction works "
                "on it",
                stacklevel=3,
            )
        try:
            handle.truncate(0)
            handle.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            handle.flush()
            sweep(out)
            settle(out)
        except OSError as error:
            raise VidclError(f"Cannot write to {out} ({error}): choose another --out.") from error
        yield


def sweep(out: Path) -> None:
    """Remove half-written files that a killed run left; no reader looks at them."""
    for left in (*out.glob(".*.tmp"), *out.glob("shards/.*.tmp"), *out.glob(".probed/.*.tmp")):
        left.unlink(missing_ok=True)
