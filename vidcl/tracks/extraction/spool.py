"""A local file for every source, wherever it lies."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vidcl.tracks.extraction.sources import Source


@dataclass(frozen=True)
class SpoolConfig:
    """Where remote files are kept while they are decoded.

    Attributes:
        folder: None is the folder for temporary files of the machine that decodes.
        bytes: at most so many at a time in each worker.
    """

    folder: str | None = None
    bytes: int = 8 * 2**30


class Spool:
    """The files that one shard reads."""

    def __init__(self, config: SpoolConfig) -> None:
        self.config = config

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

    def local(self, source: Source) -> Path:
        """Where ``source`` can be opened on this machine."""
        return Path(source.path)
