"""``benchmarks/scaling.py``: the arithmetic, and the rates of a store."""

import pytest

from benchmarks import scaling
from tests.tracks.test_compact import make_store
from vidcl.tracks.compaction.run import compact
from vidcl.tracks.extraction.plan_file import read_plan
from vidcl.tracks.extraction.videos import read_videos, write_videos
from vidcl.tracks.store import open_store


def test_the_arithmetic_of_a_round_example():
    rates = scaling.Rates(
        videos=1000, minutes=6, mbit=8, cores=10, core_seconds=30, probe_seconds=0.36, tracks=50,
        crops=1000, crop_bytes=5000, segments_per_shard=12, plan_bytes=20, outcome_bytes=300,
        video_bytes=100, target_mib=1000, open_ms=2,
    )  # fmt: skip
    results = {line.what: line.result for line in scaling.lines(rates)}
    assert results["Video"] == "100 hours"
    assert results["Work"] == "50 core-hours"
    assert results["Wall clock"] == "5.0 hours"
    assert results["Probing (in workers)"] == "0.1 core-hours"
    assert results["Tracks"] == "3e+05" and results["Crops"] == "6e+06"
    assert results["Store"] == "30 GB"
    assert results["Segments"] == "6,000" and results["Shards"] == "500"
    assert results["Mean shard"] == "60 MB"
    assert results["Files in shards/"] == "1,000"
    assert results["Shards after compact"] == "29"
    assert results["Opening the store"] == "1 s, 0 s"
    assert results["plan.parquet"] == "120 KB" and results["Outcomes"] == "1.8 MB"
    assert results["videos.parquet"] == "100 KB"
    assert results["Sources"] == "360 GB"
    assert results["Fetched, if remote"] == "510 GB"  # 6 segments: 5 gaps, each 1/12 a shard's end
    assert results["Network, if remote"] == "0.23 Gbit/s"


def test_rates_come_from_a_store(tmp_path, capsys):
    make_store(tmp_path, (4, 5))
    plan = read_plan(tmp_path)
    write_videos(tmp_path, plan)
    with pytest.raises(scaling.VidclError, match="tells its duration"):
        scaling.rates_of(tmp_path)
    for path in tmp_path.glob("shards/*.json"):
        path.write_text(
            path.read_text()
            .replace('"facts": {}', '"facts": {"duration": 60.0}')
            .replace('"crops": 0', '"crops": 10')
            .replace('"seconds": 0.0', '"seconds": 3.0')
        )
    write_videos(tmp_path, plan)
    assert read_videos(tmp_path)["crops"].to_pylist() == [20, 20]
    rates = scaling.rates_of(tmp_path)
    assert rates["core_seconds"] == 6.0 and rates["crops"] == 20.0
    size = sum(path.stat().st_size for path in tmp_path.glob("shards/*.arrow"))
    assert rates["crop_bytes"] == size / open_store(tmp_path).lengths.sum()
    outcomes = sum(path.stat().st_size for path in tmp_path.glob("shards/*.json"))
    assert rates["outcome_bytes"] == outcomes / 4
    compact(tmp_path)
    assert scaling.rates_of(tmp_path)["plan_bytes"] > 0
    assert scaling.main([str(tmp_path), "--videos", "1000", "--minutes", "2"]) == 0
    assert "2,000 min x 6 core-s/min / 3600 | 3 core-hours" in capsys.readouterr().out


def test_what_is_missing_is_named(capsys):
    assert scaling.main([]) == 1
    assert "core_seconds is 0" in capsys.readouterr().err
    assert scaling.main(["--core-seconds", "9", "--crop-bytes", "5000", "--cores", "0"]) == 1
    assert "--cores above 0" in capsys.readouterr().err
