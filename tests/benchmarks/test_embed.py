"""``benchmarks/embed.py`` on a few small images."""

import numpy as np
import torch

from benchmarks import embed as benchmark
from vidcl.evaluation.embed import embed
from vidcl.evaluation.table import table_features
from vidcl.models.encoder import Architecture, Preprocessing, build_encoder


def test_the_smoke_run_prints_a_row_per_set_and_number_of_threads(capsys):
    threads = torch.get_num_threads()
    assert benchmark.main(["--smoke", "--threads", "1", "2"]) == 0
    assert torch.get_num_threads() == threads
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].startswith("20 images of 40 px")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[4:]]
    assert [row[2] for row in rows] == ["1", "1", "2", "2"]
    assert {row[1].split(",")[0] for row in rows} == {"JPEG files", "Parquet"}
    for _, _, _, bare, ours, ratio, share in rows:
        assert float(bare.replace(",", "")) > 0 and float(ours.replace(",", "")) > 0
        assert float(ratio) > 0 and int(share.removesuffix("%")) > 0


def test_both_sides_do_the_same_work(tmp_path):
    sets = benchmark.make_sets(tmp_path, 9, 40, 16)
    assert len(sets) == 3 and all(len(data) == 9 for data in sets.values())
    encoder = build_encoder(Architecture("resnet_tiny"), Preprocessing(16))
    for data in sets.values():
        ready = benchmark.prepared(encoder, data, 4, "cpu")
        features = benchmark.bare(encoder, ready, "cpu")
        expected = table_features(embed(encoder, data, batch_size=4))
        np.testing.assert_array_equal(features, expected)
