"""NT-Xent, the loss of SimCLR (Chen et al. 2020, eq. 1)."""

import torch
from torch import Tensor


def nt_xent(z: Tensor, others: Tensor, positive: Tensor, usable: Tensor, T: float) -> Tensor:
    """-log( exp(z_i.p_i / T) / sum_j exp(z_i.o_j / T) ), one value per anchor; the sum runs over
    the usable others, the positive among them.

    Args:
        z: [A, C], anchors, unit length.
        others: [B, C], unit length; the anchors may be among them.
        positive: int64 [A], the row of ``others`` that is each anchor's positive.
        usable: bool [A, B]; an anchor itself, for one, is not. The positive always is.
        T: temperature.

    Returns:
        [A], in the dtype of ``z``.
    """
    logits = (z / T) @ others.T  # [A, B]
    chosen = positive[:, None]
    usable = usable.scatter(1, chosen, True)
    logits = logits.masked_fill(~usable, -1e30)
    return torch.logsumexp(logits, 1) - logits.gather(1, chosen).squeeze(1)
