import math

import torch

from vidcl.losses.info_nce import info_nce


def test_info_nce_is_its_equation():
    generator = torch.Generator().manual_seed(0)

    def unit(n):
        x = torch.randn(n, 5, generator=generator, dtype=torch.float64)
        return x / x.norm(dim=1, keepdim=True)

    q, k, negatives = unit(4), unit(4), unit(7)
    usable = torch.rand(4, 7, generator=generator) > 0.4
    usable[3] = False
    got = info_nce(q, k, negatives, usable, 0.2)
    for i in range(4):
        positive = math.exp(float(q[i] @ k[i]) / 0.2)
        total = positive + sum(
            math.exp(float(q[i] @ negatives[j]) / 0.2) for j in range(7) if usable[i, j]
        )
        assert abs(float(got[i]) + math.log(positive / total)) < 1e-12
    assert got[3] == 0  # no negatives: nothing to tell apart
