"""What the readers of published folders share: names, counts, and what to say of a gap."""

import os
from collections.abc import Iterable
from pathlib import Path

from vidcl.datasets.labelled import IMAGE_SUFFIXES
from vidcl.errors import VidclError


def need_folder(path: str | Path, what: str) -> Path:
    """The folder, or an error that says what should lie there.

    Raises:
        VidclError: there is none; ``what`` is said of it.
    """
    path = Path(path)
    if not os.path.isdir(path):  # Path.is_dir raises where a name is too long
        raise VidclError(f"There is no folder {path}: {what}.")
    return path


def folders_in(folder: Path) -> list[Path]:
    """Its folders, sorted by name, hidden ones left out.

    Raises:
        VidclError: the folder cannot be listed.
    """
    return [
        folder / entry.name for entry in _entries(folder) if _plain(entry.name) and entry.is_dir()
    ]


def images_in(folder: Path) -> list[Path]:
    """The image files in a folder itself, sorted by name, hidden ones left out.

    Raises:
        VidclError: the folder cannot be listed.
    """
    return [
        folder / entry.name
        for entry in _entries(folder)
        if _plain(entry.name)
        and os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES
        and entry.is_file()
    ]


def read_lines(path: Path) -> list[str]:
    """The lines of a text file without their ends, empty ones left out.

    Raises:
        VidclError: it cannot be read or is not UTF-8.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise VidclError(f"Cannot read {path} ({error.strerror}): unpack the set again.") from error
    except UnicodeDecodeError as error:
        raise VidclError(f"{path} is not a text file: unpack the set again.") from error
    return [line.strip() for line in lines if line.strip()]


def check_whole(there: int, published: int, of: str, folder: Path, kind: str) -> None:
    """An unpacked set is all there.

    Args:
        there, published: how many were found and how many the published set has.
        of: what is counted, in the plural, for example ``"objects of ALOI"``.
        kind: the set's kind, to say how to use a part knowingly.

    Raises:
        VidclError: the numbers differ.
    """
    if there < published:
        raise VidclError(
            f"{folder} holds {there} of the {published} {of}: unpack the rest there, or give "
            f"{kind}-part:{folder} to measure on what is there."
        )
    if there > published:
        raise VidclError(
            f"{folder} holds {there} {of}, which has {published}: take away what is not of it."
        )


def check_each(
    counts: Iterable[tuple[str, int]], published: int, of: str, folder: Path, kind: str
) -> None:
    """Every part of a set, (its name, how many it has), has as many as the published set.

    Raises:
        VidclError: naming the first that has not, and how many there are of them.
    """
    wrong = [(name, there) for name, there in counts if there != published]
    if wrong:
        name, there = wrong[0]
        others = f" (and {len(wrong) - 1} more are not whole)" if len(wrong) > 1 else ""
        raise VidclError(
            f"{name} of {folder} has {there} of {published} {of}{others}: unpack the set again, or "
            f"give {kind}-part:{folder} to measure on what is there."
        )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise VidclError(f"Cannot list the folder {folder} ({error.strerror}).") from error


def _plain(name: str) -> bool:
    return not name.startswith(".")
