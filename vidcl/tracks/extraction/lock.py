"""One extraction at a time on a store."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vidcl.errors import VidclError


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the store for this process; the lock dies with it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = open(out / ".lock", "w")  # noqa: SIM115
    except OSError as error:
        raise VidclError(f"Cannot write to {out} ({error}): choose another --out.") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise VidclError(
                f"Another extraction is at work on {out}: wait for it, or use another --out."
            ) from error
        sweep(out)
        yield


def sweep(out: Path) -> None:
    """Remove half-written files that a killed run left; no reader looks at them."""
    for left in (*out.glob(".*.tmp"), *out.glob("shards/.*.tmp")):
        left.unlink(missing_ok=True)
