"""The script of local features, as a user runs it."""

import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vidcl.datasets.labelled import write_labelled_set
from vidcl.models.encoder import Architecture, Preprocessing, build_encoder

#: Of the study's part.
SCORES = ("ari", "ground", "letter", "chance")
SCRIPT = Path(__file__).parents[2] / "pipelines" / "local_features.py"


def load_script():
    spec = importlib.util.spec_from_file_location("local_features_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Dark images with a light square in one quarter."""
    path = tmp_path_factory.mktemp("sets") / "squares.parquet"
    generator = np.random.default_rng(0)
    pixels = generator.integers(20, 40, (11, 32, 32, 3))
    for number in range(11):
        top, left = 16 * (number % 2), 16 * (number // 2 % 2)
        pixels[number, top : top + 16, left : left + 16, 0] += 200
    write_labelled_set(path, "squares", pixels.astype(np.uint8), {"number": np.arange(11)})
    return path


def test_writes_picture_and_numbers_the_same_twice(images, tmp_path, monkeypatch):
    words = ("random:resnet_tiny", "--images", images, "--size", 48, "--clusters", 3)
    more = ("--count", 4, "--patch", 6, "--device", "cpu", "--out")
    command = [str(SCRIPT), *map(str, (*words, *more))]
    done = subprocess.run(
        [sys.executable, *command, str(tmp_path / "one")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "one" / "picture.png") in done.stdout
    monkeypatch.setattr(sys, "argv", [*command, str(tmp_path / "two")])
    assert load_script().main() == 0
    numbers = json.loads((tmp_path / "one" / "clusters.json").read_text())
    assert numbers["rows"] == [0, 2, 5, 8] and numbers["set"] == "squares"
    assert numbers["settings"]["size"] == 48 and numbers["settings"]["clusters"] == 3
    maps = {
        name: (column["map"], column["channels"]) for name, column in numbers["columns"].items()
    }
    assert maps == {
        "layer1": ([24, 24], 32),
        "layer2": ([12, 12], 64),
        "layer3": ([6, 6], 128),
        "raw, 6 px": ([8, 8], 108),
    }
    for column in numbers["columns"].values():
        height, width = column["map"]
        assert sum(column["sizes"]) == 4 * height * width and len(column["sizes"]) == 3
        assert column["inertia"] > 0
    for name in ("picture.png", "clusters.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    picture = Image.open(io.BytesIO((tmp_path / "one" / "picture.png").read_bytes()))
    assert picture.width > 5 * 100 and picture.height > 4 * 100


def test_a_file_of_weights_beside_its_random_twin(images, tmp_path, monkeypatch):
    encoder = build_encoder(Architecture("resnet18"), Preprocessing(32))
    torch.save(encoder.backbone.state_dict(), tmp_path / "weights.pt")
    words = (str(tmp_path / "weights.pt"), "--images", str(images), "--out", str(tmp_path / "out"))
    more = ("--random", "--layers", "layer2", "layer1.0", "--size", "64", "--device", "cpu")
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words, *more])
    assert load_script().main() == 0
    columns = json.loads((tmp_path / "out" / "clusters.json").read_text())["columns"]
    titles = ["layer2", "layer1.0", "random layer2", "random layer1.0", "raw, 4 px"]
    assert list(columns) == titles
    assert columns["layer2"]["map"] == [8, 8] and columns["layer2"]["channels"] == 128
    assert columns["layer2"]["inertia"] != columns["random layer2"]["inertia"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nowhere.pt", "--images", "SET"), "nowhere.pt"),
        (("random:resnet_tiny", "--images", "none"), "There is no image set"),
        (("random:resnet_tiny", "--images", "SET", "--layers", "layer9"), "layer1, layer2, layer3"),
        (("random:resnet_tiny", "--images", "SET", "--size", "32", "--patch", "40"), "40 px"),
        (("random:resnet_tiny", "--images", "SET", "--count", "0"), "--count at least 1"),
        (("random:resnet_tiny", "--images", "SET", "--random"), "leave out --random"),
        (
            ("random:resnet_tiny", "--images", "SET", "--size", "32", "--clusters", "999"),
            "fewer clusters",
        ),
    ],
)
def test_wrong_input_is_one_sentence(words, sentence, images, tmp_path, monkeypatch, capsys):
    named = [word.replace("SET", str(images)) for word in words]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *named, "--out", str(tmp_path / "out")])
    assert load_script().main() == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(said) == 1 and sentence in said[0]
    assert not (tmp_path / "out").exists()


def test_help_shows_examples(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--help"])
    with pytest.raises(SystemExit) as end:
        load_script().main()
    assert end.value.code == 0
    assert "moco_v2_200ep.pth.tar" in capsys.readouterr().out


@pytest.fixture
def local(monkeypatch):
    """The part of the suppression study."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    return importlib.import_module("studies.suppression.local")


@pytest.fixture
def local_arms(local):
    return importlib.import_module("studies.suppression.local_arms")


def test_canvases_say_what_is_where(local, local_arms):
    canvases = local_arms.draw_canvases(40, torch.Generator().manual_seed(3), 48)
    again = local_arms.draw_canvases(40, torch.Generator().manual_seed(3), 48)
    assert (canvases.images == again.images).all() and canvases.images.shape == (40, 48, 48, 3)
    there = (canvases.letter != local.GROUND).numpy()
    assert set(there.sum(1).tolist()) == {1, 2, 3, 4}
    ink = canvases.cover.numpy()
    assert (ink.reshape(40, 4, -1).max(2) > 0.9).tolist() == there.tolist()
    for side in (6, 12):
        found, cell = canvases.at_locations(side), 48 // side
        for n in range(40):
            for y in range(side):
                for x in range(side):
                    cells = slice(y * cell, (y + 1) * cell), slice(x * cell, (x + 1) * cell)
                    shares = [float(ink[n, place][cells].mean()) for place in range(4)]
                    most = int(np.argmax(shares))
                    if abs(sum(shares) - 0.1) < 1e-6:
                        continue  # rounding decides
                    seen = sum(shares) >= 0.1
                    wanted = canvases.letter[n, most].item() if seen else local.GROUND
                    assert found[n, y, x] == wanted


def test_scores_tell_a_perfect_map_from_noise(local, local_arms):
    canvases = local_arms.draw_canvases(60, torch.Generator().manual_seed(4), 56)
    truth = canvases.at_locations(14)
    perfect = np.eye(11, dtype=np.float32)[truth + 1]
    perfect[..., 0] *= 3  # two clusters part letters from ground
    letters, vectors = local.at_middles(perfect, canvases)
    assert len(letters) == (canvases.letter != local.GROUND).sum()
    # The middle of a quarter is not always inked: give it its letter.
    for place, (y, x) in enumerate(((3, 3), (3, 10), (10, 3), (10, 10))):
        for n in range(60):
            if canvases.letter[n, place] != local.GROUND:
                perfect[n, y, x] = np.eye(11)[canvases.letter[n, place] + 1]
    letters, vectors = local.at_middles(perfect, canvases)
    assert (vectors.argmax(1) - 1 == letters).all()
    found = local.scores(perfect, canvases, 0)
    assert found["letter"] > 0.9 and found["ground"] > 0.3
    noise = np.random.default_rng(0).standard_normal((60, 14, 14, 11)).astype(np.float32)
    nothing = local.scores(noise, canvases, 0)
    assert abs(nothing["ari"]) < 0.02 and nothing["ground"] < 0.02
    assert abs(nothing["letter"] - nothing["chance"]) < 0.15


def test_the_part_of_the_study_runs_and_goes_on(local, local_arms, tmp_path):
    section = local.run_local(tmp_path, local_arms.SMOKE, (0,), 1)
    assert section.name == "local" and section.text.startswith("## Local features\n")
    assert set(section.results["arms"]) == {"simclr", "random", "pixels"}
    numbers = section.results["arms"]["simclr"]
    assert len(numbers) == 16 and all(len(values) == 1 for values in numbers.values())
    assert all(-1 <= value <= 1 for values in numbers.values() for value in values)
    sheet = Image.open(io.BytesIO(section.plots["local.png"]))
    assert sheet.width > 8 * 100 and sheet.height > 6 * 100
    before = (tmp_path / "local" / "runs" / "simclr" / "seed-0.json").stat().st_mtime_ns
    again = local.run_local(tmp_path, local_arms.SMOKE, (0,), 1)
    assert again == section
    assert (tmp_path / "local" / "runs" / "simclr" / "seed-0.json").stat().st_mtime_ns == before


def test_the_page_judges_what_was_measured(local, local_arms):
    names = [f"{score} {grid.name}" for grid in local.GRIDS for score in SCORES]
    offset = {"simclr": 0.5, "random": 0.2, "pixels": 0.5}
    measured = {
        arm: {name: [offset[arm] + 0.01 * seed for seed in range(3)] for name in names}
        for arm in offset
    }
    measured["pixels"]["ari layer2"] = [0.9, 0.1, 0.5]
    section = local.section(measured, (0, 1, 2), local_arms.SMOKE, b"")
    claims = {(c["metric"], c["less"]): c for c in section.results["claims"]}
    assert len(claims) == 24
    assert claims["ari", "random:layer2"]["held"] == "yes"
    assert claims["ari", "random:layer2"]["difference"] == pytest.approx(30)
    assert claims["ari", "pixels:layer2"]["held"] == "open"
    assert "| SimCLR, layer2x2 | 51.0 ± 1.0 |" in section.text
    assert "| raw patches, 8 px on layer3's grid | 51.0 ± 1.0 |" in section.text
    json.dumps(section.results)
