"""InfoMin (Tian et al. 2020): MoCo with strong views and, from PIRL, a jigsaw branch."""

from typing import Any

import torch
from torch import nn

from vidcl.losses.info_nce import info_nce
from vidcl.methods.base import Outcome, unit
from vidcl.methods.jigsaw import both_queries, passes
from vidcl.methods.momentum import MomentumMethod
from vidcl.methods.wanted import Key, ViewBatch, Wanted
from vidcl.views.jigsaw import JigsawConfig


class InfoMin(MomentumMethod):
    """The image and its patches are two queries against one key and one queue.

    The loss is (1 - beta) L_image + beta L_jigsaw, as in the authors' code (PyContrast). The key is
    of a whole view: the momentum encoder sees no patches. With ``beta`` 0 it is MoCo.
    """

    def __init__(
        self,
        encoder: nn.Module,
        dim: int,
        *,
        beta: float = 0.5,
        jigsaw: JigsawConfig | None = None,
        view: int = 224,
        **settings: Any,
    ) -> None:
        """
        Args:
            encoder: a ``JigsawTower``; with ``beta`` 0 any tower.
            beta: weight of the jigsaw branch, in [0, 1].
            jigsaw: the patches; None: the authors'.
            view: side of the views in pixels.
            settings: those of ``MomentumMethod``.
        """
        super().__init__(encoder, dim, **settings)
        self.beta = beta
        wanted = (jigsaw or JigsawConfig()) if beta else None
        self.wanted = Wanted((Key(),), jigsaw=wanted)
        self.forwards = 4.0 + passes(wanted, view)
        self.jigsaw_loss = torch.zeros(())

    def forward(
        self,
        batch: ViewBatch,
        *,
        generator: torch.Generator | None = None,  # draws the shuffle of the keys' batch
        encoder_q: nn.Module | None = None,
    ) -> Outcome:
        features, q, pieces = both_queries(encoder_q or self.encoder_q, batch, self.beta)
        k = unit(self.keys(batch.views[1], generator))  # [N, C]
        usable = self.usable(batch.tracks)  # [N, K]
        with torch.autocast(q.device.type, enabled=False):
            loss = image = info_nce(q, k, self.queue.keys, usable, self.T).mean()
            if pieces is not None:
                jigsaw = info_nce(pieces, k, self.queue.keys, usable, self.T).mean()
                loss = (1 - self.beta) * image + self.beta * jigsaw
                self.jigsaw_loss = jigsaw.detach()
        return Outcome(loss, q.detach(), k, features, image.detach())

    def describe(self) -> str:
        patches = f"patches at {self.beta:g}" if self.beta else "no patches"
        return f"InfoMin, {patches}, queue {len(self.queue)}"

    def state_to_log(self) -> dict[str, float]:
        more = {"jigsaw_loss": float(self.jigsaw_loss)} if self.beta else {}
        return {**super().state_to_log(), **more}
