"""List the files that a user's arguments name."""

import glob
import os
import stat
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidcl.errors import VidclError
from vidcl.tracks.extraction.remote_access import is_remote

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg",
    ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})
IMAGE_SUFFIXES = frozenset({
    ".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp",
})
# fmt: on

_MAGIC = ("*", "?", "[")


@dataclass(frozen=True, slots=True)
class Source:
    """One file to extract.

    Attributes:
        name: path below the folder the user named, with '/': it does not change when that folder
            moves.
        path: absolute path, or the address of a remote file.
        size: bytes; -1 for a file that a list names and that is not there.
        mtime_ns: time of the last change.
    """

    name: str
    path: str
    size: int
    mtime_ns: int

    @property
    def stamp(self) -> str:
        """Changes when the file does."""
        return file_stamp(self.size, self.mtime_ns)


def file_stamp(size: int, mtime_ns: int) -> str:
    """``Source.stamp`` without the source."""
    return f"{size}-{mtime_ns}"


def list_sources(
    arguments: Sequence[str | Path], suffixes: frozenset[str] = VIDEO_SUFFIXES
) -> list[Source]:
    """Files, folders (searched whole), glob patterns, remote addresses and ``.txt`` lists of files
    and addresses, as one sorted list.

    A file named twice, also through a link, counts once. Hidden files are left out of folders, and
    so are, with a warning, folders that cannot be read and names that are not UTF-8. A list holds
    one path or address per line, paths relative to the list; '#' starts a comment line.

    Raises:
        VidclError: an argument names nothing, nothing that could be read, or a file whose name is
            not UTF-8.
    """
    if not arguments:
        raise VidclError("No sources: name at least one file, folder, glob pattern or .txt list.")
    seen: set[str] = set()
    sources: list[Source] = []
    real_folders: dict[str, str] = {}
    for argument in arguments:
        for source in _expand(str(argument), suffixes):
            real = _real(source.path, real_folders)
            if real not in seen:
                seen.add(real)
                sources.append(source)
    sources.sort(key=lambda source: (source.name, source.path))
    return sources


def _expand(argument: str, suffixes: frozenset[str]) -> Iterable[Source]:
    if is_remote(argument):
        return _list_remote(argument, suffixes)
    if os.path.isdir(argument):
        return _in_folder(argument, suffixes)
    if os.path.isfile(argument):
        if argument.lower().endswith(".txt"):
            return _read_list(Path(argument), suffixes)
        return [_source(os.path.basename(argument), argument)]
    if any(mark in argument for mark in _MAGIC):
        return _expand_glob(argument, suffixes)
    raise VidclError(f"{argument} does not exist: check the path.")


def _list_remote(argument: str, suffixes: frozenset[str]) -> list[Source]:
    from vidcl.tracks.extraction.remote import list_remote

    return list_remote(argument, suffixes)


def _list_remote_lines(lines: list[str], suffixes: frozenset[str]) -> list[Source]:
    if not lines:
        return []
    from vidcl.tracks.extraction.remote import list_remote_lines

    return list_remote_lines(lines, suffixes)


def _in_folder(folder: str, suffixes: frozenset[str]) -> Iterator[Source]:
    top = os.path.abspath(folder)
    empty = True
    for source in _walk(top, "", suffixes):
        empty = False
        yield source
    if empty:
        raise VidclError(
            f"The folder {folder} holds no file to read: looked for {_listed(suffixes)}."
        )


def _walk(folder: str, prefix: str, suffixes: frozenset[str]) -> Iterator[Source]:
    """The files below a folder in the order of their names; links to folders are not followed."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        warnings.warn(f"{folder} cannot be read ({error.strerror}) and is left out", stacklevel=2)
        return
    for entry in found:
        if entry.name.startswith("."):
            continue
        if not _is_text(entry.name):
            name = os.fsencode(entry.path)
            warnings.warn(f"{name!r} is left out: its name is not UTF-8, rename it", stacklevel=2)
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, f"{prefix}{entry.name}/", suffixes)
        elif os.path.splitext(entry.name)[1].lower() in suffixes:
            try:
                status = entry.stat()
            except OSError:
                if entry.is_symlink():
                    # a link to nothing, or to itself, becomes a row of kind 'missing'
                    yield Source(prefix + entry.name, entry.path, -1, 0)
                continue  # removed meanwhile
            if stat.S_ISREG(status.st_mode):
                yield _stamped(prefix + entry.name, entry.path, status)


def _expand_glob(pattern: str, suffixes: frozenset[str]) -> list[Source]:
    parts = Path(pattern).parts
    first_magic = next(i for i, part in enumerate(parts) if any(mark in part for mark in _MAGIC))
    root = Path(*parts[:first_magic])
    matches = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
    found = [p for p in matches if p.suffix.lower() in suffixes and p.is_file()]
    if not found:
        raise VidclError(
            f"The pattern {pattern} matches no file to read: looked for {_listed(suffixes)}."
        )
    return [_source(path.relative_to(root).as_posix(), path) for path in found]


def _read_list(path: Path, suffixes: frozenset[str]) -> list[Source]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise VidclError(f"{path} is not a text file with one path per line.") from error
    entries = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not entries:
        raise VidclError(f"The list {path} is empty: write one path per line.")
    far = _list_remote_lines([line for line in entries if is_remote(line)], suffixes)
    near = [os.path.abspath(path.parent / line) for line in entries if not is_remote(line)]
    if not near:
        return far
    root = os.path.commonpath([os.path.dirname(file) for file in near])
    return far + [_source(os.path.relpath(file, root), file) for file in near]


def _source(name: str, path: str | Path) -> Source:
    absolute = os.path.abspath(path)
    try:
        status = os.stat(absolute)
    except OSError:
        # only a list can name it; it becomes a row of kind 'missing' and the others go on
        return Source(name, absolute, -1, 0)
    return _stamped(name, absolute, status)


def _stamped(name: str, path: str, status: os.stat_result) -> Source:
    if not _is_text(path):
        raise VidclError(
            f"The name of {os.fsencode(path)!r} is not UTF-8, so no table can hold it: rename it."
        )
    return Source(name, path, status.st_size, status.st_mtime_ns)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _real(path: str, folders: dict[str, str]) -> str:
    """``os.path.realpath``, with each folder looked at once."""
    if is_remote(path):
        return path
    if os.path.islink(path):
        return os.path.realpath(path)
    folder, name = os.path.split(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return os.path.join(folders[folder], name)


def _listed(suffixes: frozenset[str]) -> str:
    return ", ".join(sorted(suffixes))
