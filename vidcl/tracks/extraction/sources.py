"""List the files that a user's arguments name."""

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidcl.errors import VidclError

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


@dataclass(frozen=True)
class Source:
    """One file to extract.

    Attributes:
        name: path below the folder the user named, with '/': it does not change when that folder
            moves.
        path: absolute path.
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
        return f"{self.size}-{self.mtime_ns}"


def list_sources(
    arguments: Sequence[str | Path], suffixes: frozenset[str] = VIDEO_SUFFIXES
) -> list[Source]:
    """Files, folders (searched whole), glob patterns and ``.txt`` lists, as one sorted list.

    A file named twice, also through a link, counts once. Hidden files are left out of folders. A
    list holds one path per line, relative to the list; '#' starts a comment line.

    Raises:
        VidclError: an argument names nothing, or nothing that could be read.
    """
    if not arguments:
        raise VidclError("No sources: name at least one file, folder, glob pattern or .txt list.")
    seen: set[str] = set()
    sources: list[Source] = []
    for argument in arguments:
        for name, path in _expand(str(argument), suffixes):
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                sources.append(_source(name, path))
    return sorted(sources, key=lambda source: (source.name, source.path))


def _expand(argument: str, suffixes: frozenset[str]) -> Iterable[tuple[str, Path]]:
    if "://" in argument:
        raise VidclError(
            f"{argument} is remote, and remote sources cannot be read yet: copy the files here or "
            "mount them, and name the folder."
        )
    path = Path(argument)
    if path.is_dir():
        found = [p for p in sorted(path.rglob("*")) if _fits(p, path, suffixes)]
        if not found:
            raise VidclError(
                f"The folder {path} holds no file to read: looked for {_listed(suffixes)}."
            )
        return [(p.relative_to(path).as_posix(), p) for p in found]
    if path.is_file():
        if path.suffix.lower() == ".txt":
            return _read_list(path)
        return [(path.name, path)]
    if any(mark in argument for mark in _MAGIC):
        return _expand_glob(argument, suffixes)
    raise VidclError(f"{path} does not exist: check the path.")


def _fits(path: Path, root: Path, suffixes: frozenset[str]) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return path.suffix.lower() in suffixes and not hidden and path.is_file()


def _expand_glob(pattern: str, suffixes: frozenset[str]) -> list[tuple[str, Path]]:
    parts = Path(pattern).parts
    first_magic = next(i for i, part in enumerate(parts) if any(mark in part for mark in _MAGIC))
    root = Path(*parts[:first_magic])
    matches = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
    found = [p for p in matches if p.suffix.lower() in suffixes and p.is_file()]
    if not found:
        raise VidclError(
            f"The pattern {pattern} matches no file to read: looked for {_listed(suffixes)}."
        )
    return [(p.relative_to(root).as_posix(), p) for p in found]


def _read_list(path: Path) -> list[tuple[str, Path]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise VidclError(f"{path} is not a text file with one path per line.") from error
    entries = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not entries:
        raise VidclError(f"The list {path} is empty: write one path per line.")
    paths = [Path(os.path.abspath(path.parent / entry)) for entry in entries]
    root = os.path.commonpath([p.parent for p in paths])
    return [(p.relative_to(root).as_posix(), p) for p in paths]


def _source(name: str, path: Path) -> Source:
    absolute = os.path.abspath(path)
    try:
        status = os.stat(absolute)
    except OSError:
        # only a list can name it; it becomes a row of kind 'missing' and the others go on
        return Source(name, absolute, -1, 0)
    return Source(name, absolute, status.st_size, status.st_mtime_ns)


def _listed(suffixes: frozenset[str]) -> str:
    return ", ".join(sorted(suffixes))
