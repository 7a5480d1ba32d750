"""Ask workers for the length of many files, and keep their answers until the plan is written.

The answers lie in ``.probed`` in the store, some thousand in a file, so that a run which is killed
among a million files asks again for a few thousand. Files that would not tell are asked again too.
"""

import hashlib
import io
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.tracks.extraction.done import ShardLost
from vidcl.tracks.extraction.probe_job import Ask, ProbeJob, probe_group
from vidcl.tracks.extraction.segments import Span
from vidcl.tracks.extraction.sources import Source

#: The folder's name in a store.
PROBED = ".probed"

#: Files that one job asks.
FILES_PER_JOB = 16

#: Answers that are kept together.
CHUNK = 4096

_ANSWER = np.dtype([("file", np.uint64), ("start", np.float64), ("duration", np.float64)])


def probe_all(
    sources: Sequence[Source],
    ask: Ask,
    run: Callable[[Callable[[Any], Any], Iterator[ProbeJob]], Generator[Any, None, None]],
    store: Path,
    tell: Callable[[int, int], None],
) -> Iterator[Span]:
    """(start, duration) in seconds of each file, in their order; None where a file does not say.

    Args:
        ask: answers for a few files; must pickle.
        run: an engine's run; its answers come in any order.
        store: where answers are kept meanwhile.
        tell: called with (files asked, files to ask).

    Raises:
        VidclError: a worker was lost, or answers cannot be written.
    """
    answers = _Answers(store / PROBED)
    files = np.fromiter(map(_file_key, sources), np.uint64, len(sources))
    spans = answers.known(files)
    unknown = np.flatnonzero(np.isnan(spans[:, 1]))
    jobs = (
        ProbeJob(at, tuple(sources[k] for k in unknown[at : at + FILES_PER_JOB]), ask)
        for at in range(0, len(unknown), FILES_PER_JOB)
    )
    lost: list[ShardLost] = []
    asked = len(sources) - len(unknown)
    tell(asked, len(sources))
    with answers, closing(run(probe_group, jobs)) as results:
        for done in results:
            if isinstance(done, ShardLost):
                lost.append(done)
                continue
            places = unknown[done.number : done.number + len(done.spans)]
            for place, span in zip(places, done.spans, strict=True):
                if span is not None:
                    spans[place] = span
                    answers.add(int(files[place]), span)
            asked += len(done.spans)
            tell(asked, len(sources))
    if lost:
        raise VidclError(
            f"{len(lost)} groups of files could not be probed, since their worker was lost "
            f"({lost[0].reason}): run the same command again."
        )
    for start, duration in spans:
        yield None if np.isnan(duration) else (float(start), float(duration))


def forget_probed(store: Path) -> None:
    """Remove the answers: the plan that they were for is written."""
    if (store / PROBED).is_dir():
        shutil.rmtree(store / PROBED)


def _file_key(source: Source) -> int:
    """Of a file as it is now."""
    text = f"{source.stamp} {source.path}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


class _Answers:
    """The answers in a folder: those of earlier runs, and new ones, some thousand in a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._new: list[tuple[int, float, float]] = []
        parts = [np.empty(0, _ANSWER)]
        self._next = 0
        for path in sorted(folder.glob("*.npy")):
            self._next = int(path.stem) + 1
            try:
                part = np.load(path, allow_pickle=False)
            except (OSError, ValueError, EOFError):
                continue  # damaged: its files are asked again
            if part.dtype == _ANSWER:
                parts.append(part)
        self._old = np.sort(np.concatenate(parts), order="file")

    def known(self, files: np.ndarray) -> np.ndarray:
        """Start and duration of each file, float64 [N, 2], NaN where there is no answer yet."""
        spans = np.full((len(files), 2), np.nan)
        if len(self._old):
            at = np.searchsorted(self._old["file"], files).clip(max=len(self._old) - 1)
            there = self._old["file"][at] == files
            spans[there, 0] = self._old["start"][at[there]]
            spans[there, 1] = self._old["duration"][at[there]]
        return spans

    def add(self, file: int, span: tuple[float, float]) -> None:
        """Keep one answer, for now in memory."""
        self._new.append((file, *span))
        if len(self._new) == CHUNK:
            self._write()

    def _write(self) -> None:
        buffer = io.BytesIO()
        np.save(buffer, np.array(self._new, _ANSWER), allow_pickle=False)
        self._new.clear()
        try:
            write_atomic(self._folder / f"{self._next:06d}.npy", buffer.getvalue())
        except OSError as error:
            raise VidclError(
                f"Cannot write to {self._folder} ({error.strerror or error}): make room or check "
                "permissions, then run the same command again."
            ) from error
        self._next += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._new:
            return
        try:
            self._write()
        except VidclError as second:
            if error is None:
                raise
            error.add_note(str(second))  # what stopped the run is said first
