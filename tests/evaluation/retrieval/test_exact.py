"""Ranks are exact: blocks, files, backends and devices change nothing."""

import numpy as np
import pytest
import torch

from tests.evaluation.retrieval.slow import problem, slow_scores
from vidcl.errors import VidclError
from vidcl.evaluation.retrieval import ranks, scores, search, tiles
from vidcl.evaluation.retrieval.measure import retrieval_metrics
from vidcl.evaluation.retrieval.protocol import retrieval_protocol
from vidcl.evaluation.retrieval.ranks import wrong_ahead
from vidcl.evaluation.retrieval.rows import StackedRows
from vidcl.evaluation.retrieval.scores import rough_slack
from vidcl.evaluation.retrieval.search import nearest

K = (1, 5, 10)


def backends():
    try:
        import faiss  # noqa: F401
    except ImportError:
        return ["torch"]
    return ["torch", "faiss"]


def test_blocks_files_and_backends_change_nothing(monkeypatch, tmp_path):
    features, instances, azimuth, _ = problem(8, "ties", 150)
    protocol = retrieval_protocol(instances, azimuth, min_gap=45.0)
    queries, itself = np.arange(150)[::-2], lambda rows: [np.array([row]) for row in rows]
    expected = retrieval_metrics(features, protocol, K, gaps=(0, 90), seed=2)
    neighbours = nearest(features, queries, 7, itself)
    monkeypatch.setattr(tiles, "GALLERY_BLOCK", 13)
    monkeypatch.setattr(tiles, "QUERY_BLOCK", 11)
    monkeypatch.setattr(tiles, "QUERY_VALUES", 3 * 33)
    monkeypatch.setattr(ranks, "UNCLEAR_HELD", 50)
    monkeypatch.setattr(scores, "PAIR_ROWS", 17)
    monkeypatch.setattr(scores, "PAIR_VALUES", 40)
    features.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.float32, "r", shape=features.shape)
    stacked = StackedRows(features[:40], mapped[40:41], features[41:].astype(np.float64))
    for source in (features, mapped, stacked):
        told = []
        report = lambda *numbers, told=told: told.append(numbers)  # noqa: E731
        found = retrieval_metrics(source, protocol, K, gaps=(0, 90), seed=2, progress=report)
        assert found == expected
        assert told == [(done + 1, 14 * 12) for done in range(14 * 12)]
        for backend in backends():
            found = nearest(source, queries, 7, itself, backend=backend)
            assert np.array_equal(found[0], neighbours[0])
            assert np.array_equal(found[1], neighbours[1])


@pytest.mark.parametrize("backend", backends())
def test_search_among_some_rows_with_ties_beyond_the_candidates(backend):
    """More rows tie at the k-th place than are proposed: the lowest rows win."""
    features = np.tile(np.array([[1.0, 0, 0], [1.0, 1e-9, 0], [0, 1, 0]]), (40, 1))
    among = np.flatnonzero(np.arange(120) % 7 != 0)
    found, values = nearest(
        features, np.array([50, 0]), 6, lambda rows: [rows[:1], rows[1:]], among=among,
        backend=backend,
    )  # fmt: skip
    whole = slow_scores(features)
    for query, banned, rows in zip((50, 0), (50, 0), found, strict=True):
        order = sorted(set(among) - {banned}, key=lambda g, q=query: (-whole[q][g], g))
        assert rows.tolist() == order[:6]
    assert (values <= 1).all()


@pytest.mark.parametrize("dim", [3, 64, 700])
def test_single_precision_scores_stay_well_inside_the_slack(dim):
    generator = np.random.default_rng(0)
    noise = generator.standard_normal((200, dim))
    halves = np.abs(noise)
    halves[::2, dim // 2 :] *= -1
    spike = noise * 1e-3
    spike[:, 0] = 1
    for rows in (noise, np.abs(noise), 1 + 1e-3 * noise, halves, spike, noise**9):
        exact = search.unit_rows(rows)
        single = torch.from_numpy(exact.astype(np.float32))
        error = np.abs((single @ single.T).numpy() - exact @ exact.T).max()
        assert error < rough_slack(dim) / 2


@pytest.mark.parametrize("dim", [1, 7, 300])
def test_scores_of_many_pairs_and_of_few_are_the_same(dim, monkeypatch):
    generator = np.random.default_rng(dim)
    features = np.sign(generator.standard_normal((90, dim))) + 1e-3 * generator.random((90, dim))
    features[60:] = features[:30]
    asking = search.unit_rows(features[::2])
    places, numbers = generator.integers(0, 45, 3000), generator.integers(0, 90, 3000)
    one_by_one = [
        (search.unit_rows(features[row : row + 1])[0] * asking[place]).sum()
        for place, row in zip(places, numbers, strict=True)
    ]
    for dense in (0, 16, 10**6):
        monkeypatch.setattr(scores, "DENSE", dense)
        found = scores.pair_scores(features, asking, places, numbers)
        assert np.array_equal(found, search.quantised(np.array(one_by_one)))


def test_counts_of_wrong_rows_ahead_equal_a_sorted_list():
    features, instances, _, _ = problem(9, "copies")
    protocol = retrieval_protocol(instances)
    own = protocol.own()
    values, ahead = wrong_ahead(features, protocol.queries, protocol.gallery, own)
    whole = slow_scores(features)
    for place, (query, row) in enumerate(zip(own.owners(), own.rows, strict=True)):
        wrong = [g for g in range(len(instances)) if instances[g] != instances[query]]
        key = (-whole[query][row], row)
        assert ahead[place] == sum((-whole[query][g], g) < key for g in wrong)
        assert values[place] == whole[query][row] / 2**30


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU here")
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_on_a_gpu_the_ranks_are_the_same(backend):
    features, instances, azimuth, _ = problem(4, "copies", 300)
    protocol = retrieval_protocol(instances, azimuth, min_gap=45.0)
    for whole in (True, False):
        here = retrieval_metrics(features, protocol, whole=whole, bootstrap=0)
        there = retrieval_metrics(
            features, protocol, whole=whole, bootstrap=0, backend=backend, device="cuda"
        )
        assert here == there


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said():
    features, instances, _, _ = problem(2)
    with pytest.raises(VidclError, match="sees no GPU"):
        retrieval_metrics(features, retrieval_protocol(instances), device="cuda")
