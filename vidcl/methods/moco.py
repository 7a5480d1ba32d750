"""MoCo (He et al. 2020, Algorithm 1): v1 and v2 differ in head, temperature and views alone."""

import torch
from torch import Tensor, nn

from vidcl.losses.info_nce import info_nce
from vidcl.methods.base import Method, Outcome, unit
from vidcl.methods.distributed import gather
from vidcl.models.momentum import momentum_at, momentum_copy, momentum_update
from vidcl.models.queue import KeyQueue


class MoCo(Method):
    """Queries against their keys and a queue of older keys.

    Attributes:
        encoder_k: momentum copy of ``encoder_q``; BatchNorm in training mode, as in the authors'
            code.
        queue: K keys with the tracks they show.
        m: momentum of the last step.
    """

    forwards = 4.0  # query forward and backward, key forward
    can_accumulate = True  # the queue stands still during a step

    def __init__(
        self,
        encoder: nn.Module,
        dim: int,
        *,
        K: int,
        m: float,
        T: float,
        m_end: float | None = None,
        mask_own_track: bool = True,
        shuffle: bool = False,
    ) -> None:
        super().__init__()
        self.m, self.m_start, self.m_end, self.T = m, m, m_end, T
        self.mask_own_track, self.shuffle = mask_own_track, shuffle
        self.encoder_q = encoder
        self.encoder_k = momentum_copy(encoder)
        self.queue = KeyQueue(K, dim)

    def begin_step(self, done: float = 0.0) -> None:
        self.m = momentum_at(done, self.m_start, self.m_end)
        momentum_update(self.encoder_k, self.encoder_q, self.m)

    def forward(
        self,
        x_q: Tensor,  # [N, 3, H, W]
        x_k: Tensor,  # [N, 3, H, W], another view of the same track
        tracks: Tensor,  # int64 [N], which track each pair shows
        *,
        generator: torch.Generator | None = None,  # draws the shuffle of the keys' batch
        encoder_q: nn.Module | None = None,
    ) -> Outcome:
        q = unit((encoder_q or self.encoder_q)(x_q))  # [N, C]
        with torch.no_grad():
            k = unit(self._keys(x_k, generator))  # [N, C]
        usable = self.queue.usable(tracks, own=not self.mask_own_track)  # [N, K]
        with torch.autocast(q.device.type, enabled=False):
            loss = info_nce(q, k, self.queue.keys, usable, self.T).mean()
        return Outcome(loss, q.detach(), k)

    def end_step(self, keys: Tensor, tracks: Tensor) -> None:
        self.queue.push(gather(keys), gather(tracks))

    def negatives(self, batch_size: int) -> float:
        return float((self.queue.tracks >= 0).sum())

    def state_to_log(self) -> dict[str, float]:
        return {"queue_fill": self.queue.fill(), "m": self.m}

    def _keys(self, x_k: Tensor, generator: torch.Generator | None) -> Tensor:
        """Keys of a batch, shuffled so that a key's BatchNorm shard is not its query's."""
        if not self.shuffle:
            return self.encoder_k(x_k)
        order = torch.randperm(len(x_k), generator=generator).to(x_k.device)
        return self.encoder_k(x_k[order])[order.argsort()]
