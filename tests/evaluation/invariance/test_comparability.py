"""When two scores may not be put side by side."""

import numpy as np
import pytest

from vidcl.evaluation.invariance.comparability import comparability_warnings
from vidcl.evaluation.invariance.ris import ris


def facts(name, *, classes=4, views=5, units=30, mode="authors", content="a" * 64):
    features = np.random.default_rng(0).standard_normal((classes * 3 * views, units))
    sets = np.repeat(np.arange(classes * 3), views)
    result = ris(features, sets, sets % classes, (10,), mode=mode)
    return result | {"name": name, "content_hash": content}


def test_says_nothing_of_scores_that_are_comparable():
    assert comparability_warnings([facts("a"), facts("b")]) == []
    assert comparability_warnings([facts("a")]) == []
    assert comparability_warnings([]) == []
    # what is not known is not compared
    assert comparability_warnings([facts("a"), facts("b", content=None)]) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"units": 40}, ["feature width", "chance rises", "(30: a; 40: b)"]),
        ({"views": 6}, ["set sizes", "[5, 5, 5]: a; [6, 6, 6]: b"]),
        ({"classes": 6}, ["different classes", "(4: a; 6: b)"]),
        ({"mode": "paper"}, ["different mode", "(authors: a; paper: b)"]),
        ({"content": "b" * 64}, ["content hash", "different images", "(aaaaaaaa: a; bbbbbbbb: b)"]),
    ],
)
def test_names_the_fact_and_who_differs(change, words):
    told = comparability_warnings([facts("a"), facts("b", **change)])
    assert any(all(word in sentence for word in words) for sentence in told), told
    assert all(sentence.endswith(".") for sentence in told)


def test_a_long_list_of_names_is_cut():
    rows = [facts(name) for name in "abcdefg"] + [facts("z", units=40)]
    (told,) = comparability_warnings(rows)
    assert "30: a, b, c, d and 3 more; 40: z" in told
