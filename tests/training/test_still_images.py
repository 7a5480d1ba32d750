"""What the README says of still images, by the commands it says it with."""

import numpy as np
import pytest
from PIL import Image

from vidcl.cli import main
from vidcl.tracks.store import open_store
from vidcl.training.metrics import read_metrics


def test_a_folder_of_photos_trains_moco(tmp_path, capsys):
    generator = np.random.default_rng(0)
    photos = tmp_path / "photos"
    for number in range(14):
        folder = photos / ("cats", "dogs")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        coarse = generator.integers(0, 255, (3, 4, 3), np.uint8)
        Image.fromarray(coarse).resize((60, 40)).save(folder / f"{number}.png")
    store, run = tmp_path / "store", tmp_path / "run"
    words = ["extract", "--images", str(photos), "--out", str(store), "--workers", "1"]
    assert main(words) == 0
    assert "vidcl train moco --data" in capsys.readouterr().out
    rows = open_store(store).select(kind="image", split="train")
    words = ["train", "laptop/moco", "--data", str(store), "--out", str(run)]
    small = ["--training.steps", "2", "--training.batch-size", "4", "--training.device", "cpu"]
    with pytest.warns(UserWarning, match="half the crops"):
        assert main([*words, *small, "--training.log-every", "1"]) == 0
    lines = read_metrics(run / "metrics.jsonl")
    assert [line["step"] for line in lines] == [1, 2]
    assert all(np.isfinite(line["loss"]) for line in lines)
    assert f"from {len(rows)} tracks, 0 to 0 s apart" in capsys.readouterr().out
