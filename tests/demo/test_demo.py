"""The whole way on a tiny world and on own videos: it ends, it says what it did, it resumes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from vidcl.cli import main
from vidcl.config import dump_config, load_config
from vidcl.presets import find_preset
from vidcl.synthetic.config import WorldConfig
from vidcl.video.writer import write_video


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A configuration file of a demo that takes seconds."""
    folder = tmp_path_factory.mktemp("tiny")
    world = load_config(find_preset("world_demo"), WorldConfig)
    objects = world.objects.model_copy(update={"report_per_class": 1, "tune_per_class": 1})
    videos = world.videos.model_copy(update={"count": 10, "frames": 14})
    sets = world.sets.model_copy(update={"views": 4, "backgrounds": 2})
    world = world.model_copy(update={"objects": objects, "videos": videos, "sets": sets})
    (folder / "world.yaml").write_text(dump_config(world))
    # Ray is tested where it is used; here it would take most of the time.
    extract = yaml.safe_load(find_preset("extract_demo").read_text()) | {"engine": "local"}
    (folder / "extract.yaml").write_text(yaml.safe_dump(extract))
    demo = {
        "world": str(folder / "world.yaml"),
        "extract": str(folder / "extract.yaml"),
        "extract_videos": str(folder / "extract.yaml"),
        "systems": ["moco", "region_track"],
        "steps": 3,
        "batch_size": 8,
        "sets": ["wild"],
    }
    (folder / "demo.yaml").write_text(yaml.safe_dump(demo))
    return folder / "demo.yaml"


def test_on_the_world(tiny, tmp_path, capsys):
    words = ["demo", "--config", str(tiny), "--out", str(tmp_path / "d"), "--workers", "2"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "page:" in out and "region_track" in out and "seconds:" in out
    results = json.loads((tmp_path / "d" / "results.json").read_text())
    assert [s["name"] for s in results["systems"]][:2] == ["moco", "region_track"]
    assert {"render", "extract", "train", "measure"} <= set(results["timings"])
    page = (tmp_path / "d" / "report.html").read_text()
    assert "region_track" in page and "http://" not in page.replace("http://www.w3.org", "")
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    example = readme.split("```python\n")[1].split("```")[0]
    run = subprocess.run(
        [sys.executable, "-c", example.replace("demo-run", "d")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "48 features of 128 numbers" in run.stdout
    before = results["systems"]
    assert main(words) == 0
    assert json.loads((tmp_path / "d" / "results.json").read_text())["systems"] == before


def test_another_demo_does_not_overwrite(tiny, tmp_path, capsys):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "demo.yaml").write_text("something else")
    assert main(["demo", "--config", str(tiny), "--out", str(tmp_path / "d")]) == 1
    assert "remove this one" in capsys.readouterr().err
    assert (tmp_path / "d" / "demo.yaml").read_text() == "something else"


def test_on_own_videos(tiny, tmp_path, capsys):
    rng = np.random.default_rng(0)
    (tmp_path / "videos").mkdir()
    scene = rng.integers(0, 255, (30, 40, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    patch = rng.integers(0, 255, (10, 10, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    for number in range(3):
        frames = []
        for k in range(24):
            frame = scene.copy()
            left, top = 10 + 3 * k, 20 + 20 * number
            frame[top : top + 40, left : left + 40] = patch
            frames.append(frame)
        write_video(tmp_path / "videos" / f"<u>{number}.mp4", iter(frames), rate=12)
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"not a video at all")
    words = ["demo", "--config", str(tiny), "--out", str(tmp_path / "d"), "--workers", "2"]
    assert main([*words, "--videos", str(tmp_path / "videos")]) == 0
    import pyarrow.parquet as pq

    rows = pq.read_table(tmp_path / "d" / "store" / "videos.parquet").to_pylist()
    assert len(rows) == 4
    assert sum(bool(row["error"]) for row in rows) == 1
    page = (tmp_path / "d" / "report.html").read_text()
    assert "<u>" not in page and "&lt;u&gt;0.mp4" in page
