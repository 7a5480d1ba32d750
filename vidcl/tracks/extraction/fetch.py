"""Fetch one remote file, in spite of connections that break."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from vidcl.tracks.extraction.remote_access import (
    explain,
    is_http,
    library_errors,
    open_filesystem,
    protocol_of,
    settled,
    stamp_of,
)
from vidcl.tracks.extraction.sources import Source
from vidcl.video.errors import VideoError

#: Bytes asked for at a time.
_CHUNK = 8 * 2**20


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for.

    Attributes:
        connect_seconds: to reach it.
        read_seconds: that it may stay silent.
        file_seconds: that one file may take in all.
        tries: how often a file is asked for.
        pause_seconds: before the second try; doubled before each further one.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    file_seconds: float = 3600.0
    tries: int = 4
    pause_seconds: float = 1.0


class Sink(Protocol):
    """Where the bytes go; ``size`` is how many are there."""

    size: int

    def expect(self, size: int) -> None:
        """The whole file is said to have ``size`` bytes (0: nothing is said)."""

    def write(self, data: bytes) -> None:
        """Add ``data``."""

    def restart(self) -> None:
        """Throw away what is there."""


class Fetcher:
    """Fetches files one after another, over connections that are kept for the next file.

    Args:
        patience: with the servers.
        sleep: waits between two tries.
    """

    def __init__(self, patience: Patience, sleep: Callable[[float], None] = time.sleep) -> None:
        self._patience = patience
        self._sleep = sleep
        self._files: dict[tuple[int, str], Any] = {}

    def fetch(self, source: Source, sink: Sink) -> None:
        """All bytes of ``source`` into ``sink``.

        A transfer that broke is taken up where it broke if the server can do that and the file is
        still the same; otherwise it begins anew.

        Raises:
            VideoError: of kind ``missing``, ``changed`` or ``remote``, or what ``sink`` raises.
        """
        patience = self._patience
        deadline = time.monotonic() + patience.file_seconds
        version: object = None
        for number in range(1, patience.tries + 1):
            begun = sink.size
            try:
                with _Body(self._filesystem(source.path), source.path, sink.size, version) as body:
                    _check_unchanged(source, body.info)
                    if body.start != sink.size:
                        sink.restart()
                    version = body.version
                    body.pour(sink, deadline)
                return
            except library_errors() as error:
                fault = explain(source.path, error)
                if settled(error):
                    raise fault from error
                if number == patience.tries:
                    raise VideoError(f"{fault} It was tried {number} times.", "remote") from error
            if sink.size == begun:
                version = None  # going on where it broke did not help
            self._sleep(patience.pause_seconds * 2 ** (number - 1))

    def _filesystem(self, url: str) -> Any:
        key = (os.getpid(), protocol_of(url))  # a file system does not survive a fork
        if key not in self._files:
            opened = open_filesystem(
                url,
                connect_seconds=self._patience.connect_seconds,
                read_seconds=self._patience.read_seconds,
            )
            self._files = {key: opened}
        return self._files[key]


class _Body:
    """The bytes of one file from ``start`` on.

    Args:
        at: go on here, if the file is still ``version``; otherwise ``start`` is 0.

    Attributes:
        info: what the server tells of the file.
        version: equal for equal content; None where the server tells nothing to know it by.
    """

    def __init__(self, files: Any, url: str, at: int, version: object) -> None:
        at = at if version is not None else 0
        opener = _open_web if is_http(url) else _open_object
        self._stream, self.info, self.start = opener(files, url, at, version)
        self.version = _version(self.info)
        self.size = stamp_of(self.info)[0]
        self._url = url

    def __enter__(self) -> "_Body":
        return self

    def __exit__(self, *details: object) -> None:
        self._stream.close()

    def pour(self, sink: Sink, deadline: float) -> None:
        """The rest of the file into the sink, or until ``deadline`` (of ``time.monotonic``).

        Raises:
            OSError: fewer or more bytes came than the server told.
            VideoError: of kind ``remote``: the time is over.
        """
        sink.expect(self.size)
        while data := self._stream.read(_CHUNK):
            sink.write(data)
            if time.monotonic() > deadline:
                raise VideoError(
                    f"{self._url} takes too long to fetch: run the same command again when the "
                    "server is faster.",
                    "remote",
                )
        if self.size and sink.size != self.size:
            raise ConnectionError(f"{sink.size} of {self.size} bytes")


def _open_object(files: Any, url: str, at: int, version: object) -> tuple[Any, dict[str, Any], int]:
    stream = files.open(url, "rb", block_size=_CHUNK, cache_type="none")
    info = dict(stream.details)
    if not at or _version(info) != version:
        return stream, info, 0
    stream.seek(at)
    return stream, info, at


def _open_web(files: Any, url: str, at: int, version: object) -> tuple[Any, dict[str, Any], int]:
    headers = {"Accept-Encoding": "identity"}
    if at:
        headers["Range"] = f"bytes={at}-"
        headers["If-Range"] = str(version)
    # block_size 0 is a plain stream; without a size fsspec would ask for it first
    stream = files.open(url, "rb", block_size=0, size=1, headers=headers)
    answer = stream.r
    info = {key: answer.headers[key] for key in ("ETag", "Last-Modified") if key in answer.headers}
    start, length = 0, answer.headers.get("Content-Length", "0")
    if answer.status == 206:
        span, _, length = answer.headers.get("Content-Range", "").partition("/")
        start = int(span.removeprefix("bytes ").partition("-")[0])
        if start != at:
            stream.close()
            raise ConnectionError(f"asked for byte {at} and got {start}")
    if length.isdigit() and answer.headers.get("Content-Encoding", "identity") == "identity":
        info["size"] = int(length)
    return stream, info, start


def _version(info: dict[str, Any]) -> object:
    """For a web server this is also what the header If-Range takes."""
    tag = info.get("ETag")
    if tag and not str(tag).startswith("W/"):
        return tag
    told = info.get("LastModified") or info.get("Last-Modified") or info.get("mtime")
    return told or None


def _check_unchanged(source: Source, info: dict[str, Any]) -> None:
    pairs = zip((source.size, source.mtime_ns), stamp_of(info), strict=True)
    # what was not told, then or now, cannot differ
    if any(was > 0 and now > 0 and was != now for was, now in pairs):
        raise VideoError(
            f"{source.path} has changed since it was planned: run the same command with --update.",
            "changed",
        )
