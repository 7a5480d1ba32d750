"""A local file for every source, wherever it lies.

Decoders seek, so a remote file is fetched whole, into a file that belongs to one worker alone and
is locked by it. A worker that is killed loses its lock, and whoever spools next on that machine
removes what it left.
"""

import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from vidcl.tracks.extraction.fetch import Fetcher, Patience
from vidcl.tracks.extraction.remote_access import is_remote
from vidcl.tracks.extraction.sources import Source
from vidcl.video.errors import VideoError

_PREFIX = "vidcl-spool-"
#: Bytes of the disk that spooling leaves free.
_RESERVE = 64 * 2**20


@dataclass(frozen=True)
class SpoolConfig:
    """Where remote files are kept while they are decoded, and how they are fetched.

    Attributes:
        folder: None is a folder of the user's own in that for temporary files, on the machine that
            decodes.
        bytes: at most so many at a time in each worker.
        patience: with the servers.
    """

    folder: str | None = None
    bytes: int = 8 * 2**30
    patience: Patience = field(default_factory=Patience)


class Spool:
    """The files that one shard reads: one remote file at a time lies on this machine."""

    def __init__(self, config: SpoolConfig) -> None:
        self.config = config
        self._held: _Spooled | None = None
        self._failed: tuple[Source, VideoError] | None = None
        self._fetcher = Fetcher(config.patience)

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
        """Remove what was fetched."""
        if self._held is not None:
            self._held.remove()
            self._held = None

    def local(self, source: Source) -> Path:
        """Where ``source`` can be opened on this machine; the file before it is removed.

        Asked for the same source again, it gives the same file, or the same error, at once.

        Raises:
            VideoError: of kind ``missing``, ``changed`` (it is not what was planned), ``too_large``
                (for the spool), or ``remote`` (it could not be fetched, or not be kept here).
        """
        if not is_remote(source.path):
            return Path(source.path)
        if self._held is not None and self._held.source == source:
            return self._held.path
        if self._failed is not None and self._failed[0] == source:
            raise self._failed[1]
        if self._held is not None:
            self._held.remove()
            self._held = None
        try:
            self._held = self._fetched(source)
        except VideoError as error:
            self._failed = (source, error)
            raise
        return self._held.path

    def _fetched(self, source: Source) -> "_Spooled":
        with _disk_faults(source):
            folder = _folder(self.config.folder)
            _sweep(folder)
            spooled = _Spooled(source, folder)
        try:
            # a known size that does not fit is refused before a byte of it is asked for
            _check_size(source, source.size, self.config)
            with _disk_faults(source):
                _check_room(source, folder, source.size)
            self._fetcher.fetch(source, _Bounded(spooled, folder, self.config))
        except BaseException:
            spooled.remove()
            raise
        return spooled


class _Spooled:
    """A locked file of this process, empty at first."""

    def __init__(self, source: Source, folder: Path) -> None:
        self.source = source
        suffix = re.search(r"\.[A-Za-z0-9]{1,8}$", source.name)
        while True:
            number, name = tempfile.mkstemp(suffix[0] if suffix else "", _PREFIX, folder)
            self.path = Path(name)
            self.file = open(number, "wb", buffering=0)  # noqa: SIM115
            fcntl.flock(self.file, fcntl.LOCK_EX)
            # another's sweep may have come between the making and the locking
            if self.path.exists():
                return
            self.file.close()

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.file.close()


class _Bounded:
    """What a fetch writes to: counts, and refuses what does not fit."""

    def __init__(self, spooled: _Spooled, folder: Path, config: SpoolConfig) -> None:
        self._spooled = spooled
        self._folder = folder
        self._config = config
        self.size = 0

    def expect(self, size: int) -> None:
        """The server says that the whole file has ``size`` bytes (0: it does not say)."""
        _check_size(self._spooled.source, size, self._config)
        with _disk_faults(self._spooled.source):
            _check_room(self._spooled.source, self._folder, size - self.size)

    def write(self, data: bytes) -> None:
        source = self._spooled.source
        # a size that was told may have been a lie
        _check_size(source, self.size + len(data), self._config)
        with _disk_faults(source):
            _check_room(source, self._folder, len(data))
            self._spooled.file.write(data)
        self.size += len(data)

    def restart(self) -> None:
        """Throw away what was written."""
        with _disk_faults(self._spooled.source):
            self._spooled.file.seek(0)
            self._spooled.file.truncate()
        self.size = 0


def _folder(name: str | None) -> Path:
    if name is not None:
        folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder


def _sweep(folder: Path) -> None:
    """Remove the files whose worker lives no more: nobody holds their lock."""
    for path in folder.glob(f"{_PREFIX}*"):
        try:
            number = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            continue  # another sweep was first, or it is somebody else's
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except BlockingIOError:
            pass  # in use
        finally:
            os.close(number)


def _check_size(source: Source, size: int, config: SpoolConfig) -> None:
    if size > config.bytes:
        raise VideoError(
            f"{source.path} has more than the {config.bytes / 2**30:.3g} GiB that a worker may "
            "spool: raise --spool-gib and run again with --retry-failed.",
            "too_large",
        )


def _check_room(source: Source, folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + _RESERVE:
        raise VideoError(
            f"{source.path} does not fit on the disk of {folder}, which has {free / 2**30:.3g} GiB "
            "free: make room or name another --spool-dir, then run the same command again.",
            "remote",
        )


@contextmanager
def _disk_faults(source: Source) -> Iterator[None]:
    """A fault of this machine's disk costs a segment and not the shard: another may have room."""
    try:
        yield
    except OSError as error:
        raise VideoError(
            f"{source.path} cannot be spooled on this machine ({error}): make room or name another "
            "--spool-dir, then run the same command again.",
            "remote",
        ) from error
