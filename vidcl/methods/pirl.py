"""PIRL (Misra & van der Maaten 2020), as in PyContrast: patches against a memory of the image."""

import torch
from torch import Tensor, nn

from vidcl.losses.info_nce import info_nce
from vidcl.methods.base import Method, Outcome
from vidcl.methods.distributed import gather
from vidcl.methods.jigsaw import both_queries, passes
from vidcl.methods.wanted import ViewBatch, Wanted
from vidcl.models.memory_bank import MemoryBank
from vidcl.views.jigsaw import JigsawConfig


class PIRL(Method):
    """The image and its patches are two queries against the image's entry in a memory bank.

    The loss is (1 - beta) L_image + beta L_jigsaw, both InfoNCE against entries of other tracks,
    drawn anew for every step. There is no key and no second encoder. With ``beta`` 0 it is instance
    discrimination (Wu et al. 2018).

    Attributes:
        bank: an entry of every track.
    """

    can_accumulate = True  # the bank stands still during a step

    def __init__(
        self,
        encoder: nn.Module,
        bank: MemoryBank,
        *,
        K: int = 65536,
        T: float = 0.07,
        beta: float = 0.5,
        jigsaw: JigsawConfig | None = None,
        view: int = 224,
    ) -> None:
        """
        Args:
            encoder: a ``JigsawTower``; with ``beta`` 0 any tower.
            K: entries of the bank drawn as negatives of a step.
            T: temperature.
            beta: weight of the jigsaw branch, in [0, 1].
            jigsaw: the patches; None: the authors'.
            view: side of the views in pixels.
        """
        super().__init__()
        self.K, self.T, self.beta = K, T, beta
        wanted = (jigsaw or JigsawConfig()) if beta else None
        self.wanted = Wanted((), jigsaw=wanted)
        self.forwards = 3.0 + passes(wanted, view)
        self.encoder_q, self.bank = encoder, bank
        self.jigsaw_loss = torch.zeros(())
        self.drawn: Tensor | None = None  # of this step, for all its parts

    def begin_step(self, done: float = 0.0) -> None:
        self.drawn = None

    def forward(
        self,
        batch: ViewBatch,
        *,
        generator: torch.Generator | None = None,  # draws the negatives, once in a step
        encoder_q: nn.Module | None = None,
    ) -> Outcome:
        features, q, pieces = both_queries(encoder_q or self.encoder_q, batch, self.beta)
        if self.drawn is None:
            self.drawn = self.bank.draw(self.K, generator)
        negatives = self.bank.entries[self.drawn]  # [K, C]
        usable = self.bank.usable(self.drawn, batch.tracks)  # [N, K]
        k = self.bank.entries[batch.tracks]  # [N, C]
        with torch.autocast(q.device.type, enabled=False):
            loss = image = info_nce(q, k, negatives, usable, self.T).mean()
            if pieces is not None:
                jigsaw = info_nce(pieces, k, negatives, usable, self.T).mean()
                loss = (1 - self.beta) * image + self.beta * jigsaw
                self.jigsaw_loss = jigsaw.detach()
        return Outcome(loss, q.detach(), k, features, image.detach())

    def end_step(self, outcome: Outcome, tracks: Tensor) -> None:
        self.bank.update(gather(outcome.q), gather(tracks))
        self.drawn = None

    def negatives(self, batch_size: int) -> float:
        return float(self.bank.seen.sum().clamp(max=self.K))

    def describe(self) -> str:
        name = f"PIRL, patches at {self.beta:g}" if self.beta else "Instance discrimination"
        return f"{name}, a bank of {len(self.bank)} tracks"

    def state_to_log(self) -> dict[str, float]:
        more = {"jigsaw_loss": float(self.jigsaw_loss)} if self.beta else {}
        return {"bank_fill": self.bank.fill(), **more}
