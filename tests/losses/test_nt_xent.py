import math

import torch

from vidcl.losses.nt_xent import nt_xent


def test_nt_xent_is_its_equation():
    generator = torch.Generator().manual_seed(0)

    def unit(n):
        x = torch.randn(n, 5, generator=generator, dtype=torch.float64)
        return x / x.norm(dim=1, keepdim=True)

    z, others = unit(4), unit(9)
    usable = torch.rand(4, 9, generator=generator) > 0.4
    usable[3] = False
    positive = torch.tensor([8, 2, 0, 5])
    got = nt_xent(z, others, positive, usable, 0.2)
    for i in range(4):
        terms = {
            j: math.exp(float(z[i] @ others[j]) / 0.2)
            for j in range(9)
            if usable[i, j] or j == positive[i]
        }
        assert abs(float(got[i]) + math.log(terms[int(positive[i])] / sum(terms.values()))) < 1e-12
    assert got[3] == 0  # nothing but the positive
