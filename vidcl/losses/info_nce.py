"""InfoNCE with one positive and a set of negatives (He et al. 2020, eq. 1)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def info_nce(
    q: Tensor,
    k: Tensor,
    negatives: Tensor,
    usable: Tensor,
    T: float,
    own: Tensor | None = None,
    own_usable: Tensor | None = None,
) -> Tensor:
    """-log( exp(q.k / T) / (exp(q.k / T) + sum_j exp(q.n_j / T)) ), one value per query.

    Args:
        q, k: [N, C], unit length.
        negatives: [K, C], unit length.
        usable: bool [N, K]; where False, a negative is left out of the query's sum.
        T: temperature.
        own: [N, J, C], unit length, further negatives of each query alone (of its own image in
            Xiao et al. 2021, eq. 2).
        own_usable: bool [N, J]; None: all are.

    Returns:
        [N], in the dtype of ``q``.
    """
    positive = (q * k).sum(1) / T  # [N]
    # a large finite number: the gradient of logsumexp is not defined where all are -inf
    negative = ((q / T) @ negatives.T).masked_fill(~usable, -1e30)  # [N, K]
    if own is not None:
        inside = torch.einsum("nc,njc->nj", q / T, own)  # [N, J]
        if own_usable is not None:
            inside = inside.masked_fill(~own_usable, -1e30)
        negative = torch.cat([negative, inside], 1)
    # -log(e^p / (e^p + e^n)) = log(1 + e^(n - p))
    return F.softplus(torch.logsumexp(negative, 1) - positive, threshold=40.0)
