"""Choose where an extraction runs."""

from contextlib import AbstractContextManager
from typing import Literal

from vidcl.tracks.extraction.local_engine import Run, local_engine


def open_engine(
    engine: Literal["ray", "local"], workers: int | None, ray_address: str | None
) -> AbstractContextManager[Run]:
    """The engine's context manager; Ray is imported only where it is used."""
    if engine == "local":
        return local_engine(workers)
    from vidcl.tracks.extraction.ray_engine import ray_engine

    return ray_engine(workers, ray_address)
