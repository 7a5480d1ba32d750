"""What methods with a momentum encoder and a queue have in common (He et al. 2020)."""

import torch
from torch import Tensor, nn

from vidcl.methods.base import Method, Outcome
from vidcl.methods.distributed import gather
from vidcl.models.momentum import momentum_at, momentum_copy, momentum_update
from vidcl.models.queue import KeyQueue


class MomentumMethod(Method):
    """Queries against keys of a slowly following encoder and a queue of older keys.

    Attributes:
        encoder_k: momentum copy of ``encoder_q``; BatchNorm in training mode, as in the authors'
            code.
        queue: K keys with the tracks they show.
        m: momentum of the last step.
    """

    can_accumulate = True  # the queue stands still during a step

    def __init__(
        self,
        encoder: nn.Module,
        *shape: int,
        K: int,
        m: float,
        T: float,
        m_end: float | None = None,
        mask_own_track: bool = True,
        shuffle: bool = False,
    ) -> None:
        """``shape``: of a key, [dim] or [spaces, dim]."""
        super().__init__()
        self.m, self.m_start, self.m_end, self.T = m, m, m_end, T
        self.mask_own_track, self.shuffle = mask_own_track, shuffle
        self.encoder_q = encoder
        self.encoder_k = momentum_copy(encoder)
        self.queue = KeyQueue(K, *shape)

    def begin_step(self, done: float = 0.0) -> None:
        self.m = momentum_at(done, self.m_start, self.m_end)
        momentum_update(self.encoder_k, self.encoder_q, self.m)

    def end_step(self, outcome: Outcome, tracks: Tensor) -> None:
        self.queue.push(gather(outcome.k), gather(tracks))

    def negatives(self, batch_size: int) -> float:
        return float((self.queue.tracks >= 0).sum())

    def compile_networks(self) -> None:
        super().compile_networks()
        self.encoder_k.compile()

    def state_to_log(self) -> dict[str, float]:
        return {"queue_fill": self.queue.fill(), "m": self.m}

    def usable(self, tracks: Tensor) -> Tensor:
        """bool [N, K]: which keys of the queue are negatives of queries of these tracks."""
        return self.queue.usable(tracks, own=not self.mask_own_track)

    @torch.no_grad()
    def keys(self, x_k: Tensor, generator: torch.Generator | None) -> Tensor:
        """Projections of a batch, shuffled so that a key's BatchNorm shard is not its query's."""
        if not self.shuffle:
            return self.encoder_k(x_k)[1]
        order = torch.randperm(len(x_k), generator=generator).to(x_k.device)
        return self.encoder_k(x_k[order])[1][order.argsort()]
