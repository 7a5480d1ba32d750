"""A labelled set in memory: its labels, and how to read its images."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidcl.errors import VidclError

#: What tells one state of a stored image from another: text and whole numbers.
Stamp = tuple[str | int, ...]


@dataclass(frozen=True)
class LabelledSet:
    """Images and their labels.

    ``labels`` maps a column name to an array [N] of text or numbers; ``read(i)`` gives the encoded
    bytes of image ``i``, so a set larger than memory costs only what is asked of it.

    Attributes:
        boxes: float [N, 4], left, top, right, bottom in pixels of the decoded image; what is shown
            to an encoder is this part of it. None: the whole image.
        stamp: ``stamp(i)`` tells cheaply which bytes ``read(i)`` gives (a file's name, size and
            time of change). None: only reading tells.

    Raises:
        VidclError: the boxes are not float [N, 4].
    """

    name: str
    labels: dict[str, np.ndarray]
    read: Callable[[int], bytes]
    count: int
    boxes: np.ndarray | None = None
    stamp: Callable[[int], Stamp] | None = None

    def __post_init__(self) -> None:
        boxes = self.boxes
        if boxes is not None and (
            boxes.shape != (self.count, 4) or not np.issubdtype(boxes.dtype, np.floating)
        ):
            raise VidclError(
                f"The boxes of the set {self.name} must be float [{self.count}, 4], not "
                f"{boxes.dtype} {list(boxes.shape)}."
            )

    def __len__(self) -> int:
        return self.count

    def content_hash(self, digests: Iterable[bytes] | None = None) -> str:
        """SHA-256 (hex) over all image bytes, all labels and, where there are any, all boxes.

        Every image is read once. The name of the set and the order of its columns do not enter.

        Args:
            digests: SHA-256 of each image's bytes, in order, where they are known; nothing is read
                then.
        """
        if digests is None:
            digests = (hashlib.sha256(self.read(k)).digest() for k in range(self.count))
        digest = hashlib.sha256()
        for each in digests:
            digest.update(each)
        self._add_labels(digest)
        return digest.hexdigest()

    def fingerprint(self) -> str:
        """SHA-256 (hex) that changes with the files, the labels or the boxes, without reading.

        It is made of each file's absolute path, size in bytes and time of change in nanoseconds,
        of the rows of a file that holds many images, and of all labels and boxes. Equal
        fingerprints on one machine mean equal sets unless a file was overwritten with as many
        bytes and its time put back; a copied, moved or touched set has another fingerprint though
        its content is the same. Good as the key of a cache, not as a citation: that is
        ``content_hash``, which is also given where there are no stamps.

        Raises:
            VidclError: a file is gone.
        """
        if self.stamp is None:
            return self.content_hash()
        digest = hashlib.sha256(b"stamps")
        for index in range(self.count):
            digest.update(json.dumps(self.stamp(index)).encode())
        self._add_labels(digest)
        return digest.hexdigest()

    def _add_labels(self, digest: "hashlib._Hash") -> None:
        for column in sorted(self.labels):
            digest.update(json.dumps([column, self.labels[column].tolist()]).encode())
        if self.boxes is not None:
            digest.update(b"boxes" + np.ascontiguousarray(self.boxes, "<f8").tobytes())

    def subset(self, rows: np.ndarray, name: str | None = None) -> "LabelledSet":
        """The images ``rows`` (int [M], in this order) as a set of their own."""
        chosen = [int(row) for row in rows]
        stamp = self.stamp
        return LabelledSet(
            name=name or self.name,
            labels={column: values[chosen] for column, values in self.labels.items()},
            read=lambda index: self.read(chosen[index]),
            count=len(chosen),
            boxes=None if self.boxes is None else self.boxes[chosen],
            stamp=None if stamp is None else lambda index: stamp(chosen[index]),
        )


def set_of_files(
    name: str,
    folder: Path,
    labels: Mapping[str, np.ndarray],
    boxes: np.ndarray | None = None,
) -> LabelledSet:
    """Image files in a folder with their labels; none is opened before it is asked for.

    Args:
        labels: columns [N]; ``path`` holds the files' paths inside the folder, with ``/`` between
            their parts.
        boxes: float [N, 4], see ``LabelledSet``.

    Raises:
        VidclError: the boxes are not float [N, 4]; when read, a file cannot be.
    """
    paths = labels["path"]

    def read(index: int) -> bytes:
        file = folder / str(paths[index])
        try:
            return file.read_bytes()
        except OSError as error:
            raise VidclError(f"Cannot read the image {file} ({error.strerror}).") from error

    def stamp(index: int) -> Stamp:
        return file_stamp(folder / str(paths[index]))

    return LabelledSet(name, dict(labels), read, len(paths), boxes, stamp)


def file_stamp(path: Path) -> Stamp:
    """A file's absolute path, size in bytes and time of change in nanoseconds.

    Raises:
        VidclError: it is gone.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise VidclError(f"Cannot find the file {path} ({error.strerror}).") from error
    return (str(path.absolute()), facts.st_size, facts.st_mtime_ns)


def text_path(file: Path, folder: Path) -> str:
    """The path of a file inside a folder as text, with ``/`` between its parts.

    Raises:
        VidclError: the name is not UTF-8, which no table of labels can hold.
    """
    text = file.relative_to(folder).as_posix()
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise VidclError(f"Rename the file {text!r} in {folder}: its name is not UTF-8.") from error
    return text
