"""List the files that a remote address names: a folder, a pattern or one file."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from vidcl.errors import VidclError
from vidcl.tracks.extraction.remote_access import (
    check_address,
    explain,
    is_http,
    library_errors,
    open_filesystem,
    protocol_of,
    stamp_of,
)
from vidcl.tracks.extraction.sources import Source
from vidcl.video.errors import VideoError

_MAGIC = ("*", "?", "[")

#: Seconds to reach a server that is to list its files, and that it may stay silent.
_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0

#: Lines of a list that are asked for at the same time.
_AT_A_TIME = 16


def list_remote(argument: str, suffixes: frozenset[str]) -> list[Source]:
    """The files at ``argument``, sorted by name.

    ``s3://bucket/folder/`` is searched deeply, with one listing and no question per file;
    ``s3://bucket/**/*.mp4`` is a pattern; anything else is one file, whatever its suffix. A web
    server (``https://``) cannot be searched, so there it is always one file. Hidden files are left
    out of folders.

    Args:
        suffixes: lower case and with the dot, of the files that count in folders and patterns.

    Returns:
        sources whose ``path`` is an address, whose ``name`` is the path below what was named, and
        whose size and time are what the server tells (see ``remote_access.stamp_of``).

    Raises:
        VidclError: nothing is there, the server cannot be reached or refuses, the address holds a
            secret, or ``vidcl[remote]`` is not installed.
    """
    check_address(argument)
    return _list(_open(argument), argument, suffixes)


def list_remote_lines(lines: Sequence[str], suffixes: frozenset[str]) -> list[Source]:
    """As ``list_remote`` for each line of a list, some at a time.

    A single file that is not there, or not to be reached, has the size -1, so that it becomes a row
    with a fault and the others go on.

    Raises:
        VidclError: as ``list_remote``, for a folder or pattern, or where not one line leads
            anywhere.
    """
    for line in lines:
        check_address(line)
    first_of = {protocol_of(line): line for line in lines}
    files = {protocol: _open(line) for protocol, line in first_of.items()}

    def look(line: str) -> list[Source] | VideoError:
        try:
            return _list(files[protocol_of(line)], line, suffixes)
        except VideoError as error:
            if line.endswith("/") or (not is_http(line) and any(m in line for m in _MAGIC)):
                raise
            return error

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        answers = list(pool.map(look, lines))
    faults = [answer for answer in answers if isinstance(answer, VideoError)]
    if faults and len(faults) == len(lines):
        raise faults[0]
    found: list[Source] = []
    for line, answer in zip(lines, answers, strict=True):
        if isinstance(answer, VideoError):
            found.append(Source(_file_name(line), line, -1, 0))
        else:
            found += answer
    return found


def _open(url: str) -> Any:
    return open_filesystem(url, connect_seconds=_CONNECT_SECONDS, read_seconds=_READ_SECONDS)


def _list(files: Any, argument: str, suffixes: frozenset[str]) -> list[Source]:
    try:
        if is_http(argument):
            return [_web_file(files, argument)]
        return _listed(files, argument, suffixes)
    except library_errors() as error:
        raise explain(argument, error) from error


def _web_file(files: Any, url: str) -> Source:
    name = _file_name(url)
    if not name or urlsplit(url).path.endswith("/"):
        raise VidclError(
            f"{url} names no file, and a web server's folders cannot be searched: name each file, "
            "for example in a .txt list."
        )
    size, mtime_ns = stamp_of(files.info(url))
    return Source(name, url, size, mtime_ns)


def _file_name(url: str) -> str:
    path = unquote(urlsplit(url).path) if is_http(url) else url
    return PurePosixPath(path).name


def _listed(files: Any, argument: str, suffixes: frozenset[str]) -> list[Source]:
    path = files._strip_protocol(argument)
    if not path:
        raise VidclError(f"{argument} names no bucket: give one, like s3://bucket/folder/.")
    if any(mark in path.partition("/")[0] for mark in _MAGIC):
        raise VidclError(f"{argument} has its pattern in the bucket's name: name the bucket.")
    info = None
    if not argument.endswith("/"):
        info = _info(files, path)
        if info is not None and info["type"] == "file":
            return [_source(files, PurePosixPath(path).name, info)]
    if info is None and any(mark in path for mark in _MAGIC):
        return _matching(files, argument, path, suffixes)
    found = files.find(path, detail=True)
    if not found:
        if info is None and not files.exists(path):
            raise FileNotFoundError(path)
        raise _nothing(argument, suffixes)
    return _sources(files, found.values(), path, argument, suffixes)


def _matching(files: Any, argument: str, path: str, suffixes: frozenset[str]) -> list[Source]:
    parts = path.split("/")
    first = next(i for i, part in enumerate(parts) if any(mark in part for mark in _MAGIC))
    root = "/".join(parts[:first])
    found = files.glob(path, detail=True)
    there = [info for info in found.values() if info["type"] == "file"]
    if not there and not files.exists(parts[0]):
        raise FileNotFoundError(parts[0])
    return _sources(files, there, root, argument, suffixes)


def _sources(
    files: Any,
    infos: Iterable[dict[str, Any]],
    root: str,
    argument: str,
    suffixes: frozenset[str],
) -> list[Source]:
    base = root.rstrip("/") + "/"
    sources = []
    for info in infos:
        name = info["name"].removeprefix(base)
        hidden = any(part.startswith(".") for part in name.split("/"))
        if info["type"] == "file" and os.path.splitext(name)[1].lower() in suffixes and not hidden:
            sources.append(_source(files, name, info))
    if not sources:
        raise _nothing(argument, suffixes)
    return sorted(sources, key=lambda source: source.name)


def _info(files: Any, path: str) -> dict[str, Any] | None:
    try:
        info: dict[str, Any] = files.info(path)
    except FileNotFoundError:
        return None
    return info


def _source(files: Any, name: str, info: dict[str, Any]) -> Source:
    size, mtime_ns = stamp_of(info)
    return Source(name, files.unstrip_protocol(info["name"]), size, mtime_ns)


def _nothing(argument: str, suffixes: frozenset[str]) -> VidclError:
    return VidclError(
        f"{argument} holds no file to read: looked for {', '.join(sorted(suffixes))}."
    )
