"""A memory bank: one slowly moving representation of every track (Wu et al. 2018)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MemoryBank(nn.Module):
    """Entries of unit length, one for each track. Lives outside of what is wrapped for others.

    As in PyContrast it begins with random directions, and an entry is the last one's mean with the
    image that is seen now, at unit length. Unlike there, only entries of tracks that were seen are
    negatives, as a queue's empty slots are none, and an entry whose track is twice in a batch moves
    by the mean of both.

    Attributes:
        entries: float [tracks, dim], unit length.
        seen: bool [tracks], which entries have moved. Both are in ``state_dict``.
        m: share of an entry that stays.
    """

    entries: Tensor
    seen: Tensor

    def __init__(self, tracks: int, dim: int, m: float = 0.5, seed: int = 0) -> None:
        super().__init__()
        self.m = m
        generator = torch.Generator().manual_seed(seed)
        entries = F.normalize(torch.randn(tracks, dim, generator=generator), dim=1)
        self.register_buffer("entries", entries)
        self.register_buffer("seen", torch.zeros(tracks, dtype=torch.bool))

    def __len__(self) -> int:
        return len(self.entries)

    def draw(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """int64 [min(count, tracks)], entries drawn evenly and without repetition.

        Entries of tracks that were seen come before all others, so that min(count, seen) of them
        are there; nothing waits for a GPU.
        """
        if count >= len(self):
            return torch.arange(len(self), device=self.seen.device)
        device = self.seen.device if generator is None else generator.device
        draws = torch.rand(len(self), generator=generator, device=device).to(self.seen.device)
        return (draws + self.seen).topk(count, sorted=False).indices

    def usable(self, drawn: Tensor, tracks: Tensor) -> Tensor:
        """bool [N, K]: which of the entries ``drawn`` int64 [K] are negatives of ``tracks`` [N]:
        those that were seen, and not the track's own."""
        return self.seen[drawn] & (drawn != tracks[:, None])

    @torch.no_grad()
    def update(self, seen: Tensor, tracks: Tensor) -> None:
        """Move the entries of ``tracks`` int64 [N] towards what is seen of them, [N, dim] of unit
        length."""
        same = (tracks == tracks[:, None]).to(self.entries.dtype)  # [N, N]
        # of a track seen several times every row is the same mean
        mean = same @ seen.to(self.entries.dtype) / same.sum(1, keepdim=True)
        moved = self.m * self.entries[tracks] + (1 - self.m) * mean
        self.entries[tracks] = F.normalize(moved, dim=1)
        self.seen[tracks] = True

    def fill(self) -> float:
        """Share of the entries whose tracks were seen."""
        return float(self.seen.float().mean())
