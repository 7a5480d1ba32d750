"""The benchmark of retrieval, small: its contestants run, agree, and fill the table."""

import pytest

from benchmarks import retrieval

SIZES = ["--queries", "20", "--gallery", "300", "--dim", "1024", "--threads", "1"]


def test_contestants_run_and_the_table_has_their_rows():
    faiss = pytest.importorskip("faiss")
    threads = faiss.omp_get_max_threads()
    results = []
    for name in retrieval.CONTESTANTS:
        options = retrieval.parse([*SIZES, "--contestant", name])
        results.append({"name": name, **retrieval.timed(options)})
    faiss.omp_set_num_threads(threads)
    by_name = {row["name"]: row for row in results}
    brief, whole = by_name["Recall, MAP@R, R-precision"], by_name["and mAP"]
    assert 0.3 < brief["recall@1"] == whole["recall@1"] and brief["map@r"] == whole["map@r"]
    assert whole["map"] >= whole["map@r"] and "map" not in brief
    table = retrieval.table(results, options)
    rows = [line.split(" | ")[0] for line in table.splitlines()[4:]]
    names = [name for name in retrieval.CONTESTANTS if name != "features only"]
    assert rows == [f"| {name}" for name in names]
    assert "| 1.00x | 1.00x |" in table


def test_features_are_views_of_instances():
    gallery, queries, instances = retrieval.features(retrieval.parse(SIZES))
    again = retrieval.features(retrieval.parse(SIZES))
    assert (gallery == again[0]).all() and (queries == again[1]).all()
    assert len(instances) == len(queries) + len(gallery) == 320
    centre = gallery[:10].mean(axis=0)
    assert queries[0] @ centre > 3 * abs(queries[1:] @ centre).mean()
