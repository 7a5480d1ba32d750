"""Splits that keep instances whole."""

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.probes.splits import group_folds, held_out, stratified_folds


def test_a_share_of_every_class_is_held_out_by_instance():
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(np.arange(30), 4))
    labels = np.where(groups < 20, "a", np.where(groups < 29, "b", "c"))
    aside = held_out(labels, groups, 0.3, np.random.default_rng(1))
    for group in np.unique(groups):
        assert len(set(aside[groups == group])) == 1
    held = np.unique(groups[aside])
    assert [(held < 20).sum(), ((held >= 20) & (held < 29)).sum(), (held == 29).sum()] == [6, 3, 0]
    assert np.array_equal(aside, held_out(labels, groups, 0.3, np.random.default_rng(1)))
    assert not np.array_equal(aside, held_out(labels, groups, 0.3, np.random.default_rng(2)))


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_neither_side_of_a_class_is_empty(share):
    labels = np.repeat(np.arange(3), 4)
    aside = held_out(labels, np.arange(12), share, np.random.default_rng(0))
    for label in range(3):
        assert 0 < aside[labels == label].sum() < 4


def test_what_cannot_be_split_is_refused():
    with pytest.raises(VidclError, match="two instances"):
        held_out(np.arange(4), np.arange(4), 0.5, np.random.default_rng(0))
    with pytest.raises(VidclError, match="between 0 and 1"):
        held_out(np.zeros(4), np.arange(4), 0.0, np.random.default_rng(0))
    with pytest.raises(VidclError, match="3 folds"):
        stratified_folds(np.array([True, True, False, False, False]), np.arange(5), 3)
    with pytest.raises(VidclError, match="single instance"):
        group_folds(np.zeros(5), 5, np.random.default_rng(0))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("folds", [2, 3, 5])
def test_stratified_folds_are_scikit_learns(seed, folds):
    selection = pytest.importorskip("sklearn.model_selection")
    rng = np.random.default_rng(seed)
    positive = rng.random(60) < rng.uniform(0.2, 0.8)
    expected = np.full(60, -1)
    splits = selection.StratifiedKFold(folds).split(np.zeros((60, 1)), np.where(positive, 1, -1))
    for number, (_, test) in enumerate(splits):
        expected[test] = number
    assert np.array_equal(stratified_folds(positive, np.arange(60), folds), expected)


def test_folds_keep_instances_whole_and_are_even():
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(np.arange(23), 3))
    positive = groups < 9
    for fold in (stratified_folds(positive, groups, 3), group_folds(groups, 3, rng)):
        sizes = []
        for group in np.unique(groups):
            assert len(set(fold[groups == group])) == 1
        for number in range(3):
            sizes.append(len(np.unique(groups[fold == number])))
        assert max(sizes) - min(sizes) <= 1
    fold = stratified_folds(positive, groups, 3)
    assert [len(np.unique(groups[(fold == f) & positive])) for f in range(3)] == [3, 3, 3]
