"""What InfoMin and PIRL have in common: a second query, of the image's patches."""

from torch import Tensor, nn

from vidcl.errors import VidclError
from vidcl.methods.base import unit
from vidcl.methods.wanted import ViewBatch
from vidcl.views.jigsaw import JigsawConfig


def both_queries(
    encoder: nn.Module, batch: ViewBatch, beta: float
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Features and queries of a batch's first views, and those of their patches.

    Args:
        encoder: a ``JigsawTower``, bare or wrapped; with ``beta`` 0 any tower.
        beta: weight of the patches' loss; with 0 none are looked at.

    Returns:
        Features [N, D] and queries [N, C] at unit length; the patches' queries [N, C] at unit
        length, or None.

    Raises:
        VidclError: the source of the views makes no patches.
    """
    if not beta:
        features, z = encoder(batch.views[0])
        return features, unit(z), None
    if batch.patches is None:
        raise VidclError(
            "What this run trains on makes no patches for the jigsaw branch: set method.beta to 0."
        )
    features, z, pieces = encoder(batch.views[0], batch.patches)
    return features, unit(z), unit(pieces)


def passes(jigsaw: JigsawConfig | None, view: int) -> float:
    """What the patches cost, with their backward, in forward passes of a view of ``view`` pixels;
    0 where there are none."""
    return 3 * jigsaw.cost(view) if jigsaw else 0.0
