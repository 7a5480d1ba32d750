"""Many intervals at once against one at a time."""

import numpy as np
import pytest

from vidcl.evaluation.bootstrap import bootstrap_interval
from vidcl.evaluation.factors.resampling import bootstrap_intervals


@pytest.mark.parametrize("groups", [np.arange(30), np.repeat(list("abcde"), [1, 2, 3, 4, 20])])
def test_is_one_interval_after_the_other(groups):
    values = np.random.default_rng(1).normal(size=(4, 30))
    together = bootstrap_intervals(values, groups, samples=150, seed=5)
    alone = [bootstrap_interval(row, groups, samples=150, seed=5) for row in values]
    assert np.allclose(together, alone, rtol=0, atol=1e-12)
    assert all(low < high for low, high in together)
