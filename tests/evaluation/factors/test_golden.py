"""What two images become, so that no change of a library or of ours goes unseen.

Means over a grid of 2 x 3 cells, in levels; torch's and Pillow's rounding moves them by less than
half a level.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.factors.pictures import cone, hill
from vidcl.evaluation.factors.strengths import FACTORS
from vidcl.evaluation.factors.transform import transform

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


def cells(image: np.ndarray) -> list[list[list[float]]]:
    """Mean colours [2, 3, 3] of the image's six parts."""
    rows = [np.array_split(part, 3, axis=1) for part in np.array_split(image, 2, axis=0)]
    return [[cell.mean((0, 1)).round(2).tolist() for cell in row] for row in rows]


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("severity", [1, 3, 5])
def test_is_what_it_was(factor, severity):
    for name, image in {"hill": hill(), "cone": cone()}.items():
        now = cells(transform(image, factor, severity, 0))
        assert np.allclose(now, GOLDEN[name][factor][str(severity)], rtol=0, atol=0.5), name
