import math

import pytest
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


def test_negatives_of_a_query_alone_stand_beside_the_shared_ones():
    generator = torch.Generator().manual_seed(5)
    q, k, shared = (
        torch.nn.functional.normalize(torch.randn(n, 3, generator=generator), dim=1)
        for n in (4, 4, 6)
    )
    own = torch.nn.functional.normalize(torch.randn(4, 2, 3, generator=generator), dim=2)
    usable = torch.rand(4, 6, generator=generator) < 0.7
    own_usable = torch.tensor([[True, True], [True, False], [False, False], [True, True]])
    got = info_nce(q, k, shared, usable, 0.3, own, own_usable)
    for n in range(4):
        below = [torch.dot(q[n], k[n])]
        below += [torch.dot(q[n], key) for key, use in zip(shared, usable[n], strict=True) if use]
        below += [
            torch.dot(q[n], key) for key, use in zip(own[n], own_usable[n], strict=True) if use
        ]
        expected = torch.logsumexp(torch.stack(below) / 0.3, 0) - below[0] / 0.3
        assert float(got[n]) == pytest.approx(float(expected), rel=1e-5)
