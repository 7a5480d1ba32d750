"""Chance of RIS: the short cut against real Gaussian features, and the table of the notes."""

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.invariance.chance import chance_row
from vidcl.evaluation.invariance.ris import ris


def layout(classes, sets_per_class, views):
    owner = np.repeat(np.arange(classes * sets_per_class), views)
    return owner, owner // sets_per_class


@pytest.mark.parametrize("mode", ["authors", "paper"])
@pytest.mark.parametrize(
    ("classes", "sets_per_class", "views"), [(24, 1, 8), (12, 3, 5), (2, 6, 6), (1, 5, 9)]
)
def test_equals_what_gaussian_features_score(mode, classes, sets_per_class, views):
    sets, labels = layout(classes, sets_per_class, views)
    chance = chance_row(sets, labels, 60, (10, 25), mode=mode, draws=40)
    generator = np.random.default_rng(1)
    measured = np.array(
        [
            [ris(features, sets, labels, mode=mode)[f"ris@{k}"] for k in (10, 25)]
            for features in generator.standard_normal((40, len(sets), 60))
        ]
    )
    for column, k in enumerate((10, 25)):
        spread = np.hypot(measured[:, column].std(), chance[f"ris@{k}_std"]) / np.sqrt(40)
        assert abs(chance[f"ris@{k}"] - measured[:, column].mean()) < 4 * spread + 1e-9
        # a spread of 40 draws is known to some 11 %
        assert chance[f"ris@{k}_std"] == pytest.approx(measured[:, column].std(ddof=1), rel=0.6)


# docs of the measure: i.i.d. features of 2048 units, 1000 classes where G* is 5 %; fewer classes
# have the same chance within the tolerance, since classes are averaged.
@pytest.mark.parametrize(
    ("classes", "sets_per_class", "views", "top10", "top25"),
    [
        (100, 1, 72, 14.5, 13.4),
        (150, 1, 24, 22.8, 21.2),
        (200, 1, 12, 32.2, 28.1),
        (150, 5, 6, 42.2, 36.9),
        (1000, 1, 6, 47.7, 39.7),
        (12, 300, 6, 23.1, 22.9),
        (12, 15, 100, 11.7, 11.5),
    ],
)
def test_the_table_of_the_notes(classes, sets_per_class, views, top10, top25):
    sets, labels = layout(classes, sets_per_class, views)
    chance = chance_row(sets, labels, 2048, draws=2)
    assert chance["ris@10"] == pytest.approx(top10, abs=0.35)
    assert chance["ris@25"] == pytest.approx(top25, abs=0.35)


def test_says_its_facts_and_is_the_same_twice():
    sets, labels = layout(6, 2, 5)
    chance = chance_row(sets, labels, 40, (10,), draws=3, seed=7)
    assert chance == chance_row(sets, labels, 40, (10,), draws=3, seed=7)
    assert chance != chance_row(sets, labels, 40, (10,), draws=3, seed=8)
    assert chance["chance_draws"] == 3 and chance["units"] == 40 and chance["sets"] == 12
    assert np.mean(chance["ris_per_class@10"]) == pytest.approx(chance["ris@10"])
    with pytest.raises(VidclError, match="2 draws"):
        chance_row(sets, labels, 40, (10,), draws=1)
    with pytest.raises(VidclError, match="ask for fewer"):
        chance_row(sets, labels, 4, (10,))
