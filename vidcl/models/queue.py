"""The dictionary as a queue: the keys of the last batches, and which track each came from."""

import torch
from torch import Tensor, nn

#: The track number of a slot that holds no key yet.
EMPTY = -1


class KeyQueue(nn.Module):
    """K keys in a ring. Lives outside whatever DistributedDataParallel wraps.

    Attributes:
        keys: float [K, *shape], a vector or one vector per space, unit length where filled.
        tracks: int64 [K], the track each key shows, ``EMPTY`` where there is none.
        pointer: int64 [], the slot written next. All three are in ``state_dict``.
    """

    keys: Tensor
    tracks: Tensor
    pointer: Tensor

    def __init__(self, size: int, *shape: int) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(size, *shape))
        self.register_buffer("tracks", torch.full((size,), EMPTY))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))

    def __len__(self) -> int:
        return len(self.keys)

    @torch.no_grad()
    def push(self, keys: Tensor, tracks: Tensor) -> None:
        """Replace the oldest slots. keys: [N, *shape] with N <= K; tracks: int64 [N]."""
        if len(keys) > len(self):
            raise ValueError(f"{len(keys)} keys do not fit a queue of {len(self)}")
        slots = (self.pointer + torch.arange(len(keys), device=keys.device)) % len(self)
        self.keys[slots] = keys.to(self.keys.dtype)
        self.tracks[slots] = tracks
        self.pointer.copy_((self.pointer + len(keys)) % len(self))

    def usable(self, tracks: Tensor, *, own: bool = False) -> Tensor:
        """bool [N, K]: which slots may be negatives of queries that show ``tracks`` int64 [N].

        Empty slots never are. Keys of the query's own track are false negatives and are left out,
        unless ``own``.
        """
        filled = self.tracks != EMPTY
        if own:
            return filled.expand(len(tracks), -1)
        return filled & (self.tracks != tracks[:, None])

    def fill(self) -> float:
        """Share of the slots that hold a key."""
        return float((self.tracks != EMPTY).float().mean())
