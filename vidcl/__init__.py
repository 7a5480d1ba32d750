"""vidcl: viewpoint-invariant image representations from raw video, and a measurement of them.

``open_store``, ``load_encoder`` and ``embed`` are the Python API; ``vidcl --help`` is its face on
the command line. Importing this package imports nothing heavy.
"""

from typing import TYPE_CHECKING, Any

from vidcl.errors import VidclError
from vidcl.version import __version__

if TYPE_CHECKING:
    from vidcl.evaluation.embed import embed
    from vidcl.models.checkpoint import load_encoder
    from vidcl.tracks.store import open_store

__all__ = ["VidclError", "__version__", "embed", "load_encoder", "open_store"]


def __getattr__(name: str) -> Any:
    if name == "open_store":
        from vidcl.tracks.store import open_store

        return open_store
    if name == "load_encoder":
        from vidcl.models.checkpoint import load_encoder

        return load_encoder
    if name == "embed":
        from vidcl.evaluation.embed import embed

        return embed
    raise AttributeError(f"module 'vidcl' has no attribute '{name}'")
