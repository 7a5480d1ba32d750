"""The study of dataset bias: what it draws, what it asks, and the whole from end to end."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "pipelines"))
import study_dataset_bias as script

from studies.bias import data as bias_data
from studies.bias import measure as measuring
from studies.bias.arms import ARMS, SMOKE, StudyConfig, training_of, world_of
from studies.bias.page import HEADINGS, with_costs
from vidcl.config import dump_config
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source
from vidcl.synthetic.clip import render_clip
from vidcl.synthetic.objects import build_instances
from vidcl.tracks.store import open_store

SETTINGS = StudyConfig(**SMOKE)


def main(monkeypatch, *arguments):
    """The program in this process: its exit status."""
    monkeypatch.setattr(sys, "argv", ["study_dataset_bias.py", *map(str, arguments)])
    return script.main()


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    out = tmp_path_factory.mktemp("bias")
    with pytest.MonkeyPatch.context() as patch:
        assert main(patch, "--smoke", "--out", out, "--workers", 1) == 0
    return out


def test_smoke_writes_results_plot_and_page(smoke):
    results = json.loads((smoke / "results.json").read_text())
    assert list(results["arms"]) == list(script.SMOKE_ARMS)
    for numbers in results["arms"].values():
        assert all(0 <= values[0] <= 1 for values in numbers.values())
    assert {claim["held"] for claim in results["claims"]} == {"one seed"}
    assert (smoke / "plot.png").read_bytes().startswith(b"\x89PNG")
    page = (smoke / "page.md").read_text()
    assert "| scenes, views from 20% |" in page and "nothing is judged" in page


def test_a_second_run_reuses_the_first(smoke, monkeypatch, capsys):
    files = [path for path in smoke.rglob("*") if path.suffix in (".arrow", ".pt", ".parquet")]
    before = {path: path.stat().st_mtime_ns for path in files}
    results = (smoke / "results.json").read_text()
    assert main(monkeypatch, "--smoke", "--out", smoke, "--workers", 1) == 0
    assert {path: path.stat().st_mtime_ns for path in files} == before
    assert (smoke / "results.json").read_text() == results
    assert main(monkeypatch, "--smoke", "--out", smoke, "--steps", 4) == 1
    assert "other settings" in capsys.readouterr().err
    assert main(monkeypatch, "--smoke", "--out", smoke, "--clips", 9) == 1
    assert "other settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--arms", "x"], "no arm 'x'"),
        (["--arms", "random", "random"], "every arm once"),
        (["--seeds", "-1"], "no seed below 0"),
        (["--workers", "0"], "at least one worker"),
        (["--device", "cuda:9"], "cuda:9"),
        (["--world", "nowhere"], "no configuration nowhere"),
    ],
)
def test_wrong_options_are_a_sentence(words, text, tmp_path, monkeypatch, capsys):
    assert main(monkeypatch, "--smoke", "--out", tmp_path / "out", *words) == 1
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out" / "runs").exists()


def test_another_world_is_taken_from_its_file(tmp_path):
    world = world_of(SETTINGS)
    other = world.model_copy(update={"seed": 7, "supersample": 1})
    (tmp_path / "world.yaml").write_text(dump_config(other))
    taken = world_of(SETTINGS.model_copy(update={"world": str(tmp_path / "world.yaml")}))
    assert taken == other


def test_arms_differ_in_what_they_see_alone():
    first = training_of(ARMS["scenes-0.2"], 3, SETTINGS)
    for name, arm in ARMS.items():
        config = training_of(arm, 3, SETTINGS)
        assert config.views.crop_scale == (float(name.split("-")[1]), 1.0)
        (stream,) = config.pairs.streams
        assert stream.kind == (("frame",) if name.startswith("scenes") else ("region",))
        assert stream.gap == (0.0, 0.0)
        same = {"views": first.views, "pairs": first.pairs}
        assert config.model_copy(update=same) == first


def test_there_are_as_many_boxes_as_frames_and_they_are_of_the_same_frames(smoke):
    store = open_store(smoke / "data" / "store")
    world = world_of(SETTINGS)
    instances = build_instances(world, "train")
    kinds, videos = store.column("kind"), store.column("video_id")
    several = 0
    for index in range(SETTINGS.clips):
        clip = render_clip(world, index, instances)
        several += len(clip.objects) > 1
        rows = [n for n in range(len(store)) if videos[n] == f"clip-{index:05d}"]
        (frames,) = (store.times(n) for n in rows if kinds[n] == "frame")
        boxes = np.concatenate([store.times(n) for n in rows if kinds[n] == "region"])
        assert len(frames) == SETTINGS.frames
        wanted = []
        for step in range(SETTINGS.frames):
            truth = clip.objects[step % len(clip.objects)]
            at = np.flatnonzero(truth.frames == step)
            if len(at) and truth.visible[at[0]] >= world.videos.min_visible:
                wanted.append(step / world.videos.rate)
        assert sorted(boxes.tolist()) == pytest.approx(wanted)
        assert len(wanted) >= SETTINGS.frames - 2
    assert several > 0


def test_scenes_say_what_is_in_them():
    images, labels = bias_data.scenes(SETTINGS, 0)
    count = 2 * SETTINGS.asked
    assert images.shape == (count, SETTINGS.canvas, SETTINGS.canvas, 3)
    assert labels["scene"].tolist() == [n // 2 % SETTINGS.scenes for n in range(count)]
    has = np.stack([labels[name] for name in labels if name.startswith("has ")], 1)
    assert has.shape == (count, 12)
    assert set(has.sum(1).tolist()) <= {0, 1, 2, 3} and has.sum(1).max() > 1
    other, _ = bias_data.scenes(SETTINGS, 1)
    assert not any(np.array_equal(image, each) for image in other[:4] for each in images)


def test_the_other_half_shows_other_objects(smoke):
    for name in bias_data.OBJECT_SETS:
        fit, test = (
            image_source(smoke / "data" / f"{name}-{half}.parquet") for half in ("fit", "test")
        )
        assert not set(fit.labels["instance"]) & set(test.labels["instance"])
        assert set(fit.labels["class"]) == set(test.labels["class"])


def reference_precision(scores, right):
    total = 0.0
    for row in np.flatnonzero(right):
        before = [
            other
            for other in range(len(scores))
            if scores[other] > scores[row] or (scores[other] == scores[row] and other <= row)
        ]
        total += sum(right[other] for other in before) / len(before)
    return total / right.sum()


def test_average_precision_against_counting():
    generator = np.random.default_rng(0)
    for _ in range(20):
        scores, right = generator.integers(0, 6, 15).astype(float), generator.random(15) < 0.4
        right[3] = True
        expected = reference_precision(scores, right)
        assert measuring.average_precision(scores, right) == pytest.approx(expected)
    assert measuring.average_precision(np.array([3.0, 2, 1]), np.array([1, 1, 0], bool)) == 1
    assert measuring.average_precision(np.array([3.0, 2, 1]), np.array([0, 0, 1], bool)) == 1 / 3


def test_presence_is_found_where_features_tell_it():
    generator = np.random.default_rng(1)
    fit_has, test_has = (generator.random((200, 3)) < 0.3 for _ in range(2))
    fit_has[:, 2] = True  # in every picture: it cannot be asked
    found, chance = measuring.presence(
        fit_has + 0.1 * generator.normal(size=(200, 3)), fit_has,
        test_has + 0.1 * generator.normal(size=(200, 3)), test_has,
    )  # fmt: skip
    assert found == pytest.approx(1.0, abs=1e-3)
    assert chance == pytest.approx(test_has[:, :2].mean())
    noise, _ = measuring.presence(
        generator.normal(size=(200, 3)), fit_has, generator.normal(size=(200, 3)), test_has
    )
    assert abs(noise - chance) < 0.15
    with pytest.raises(VidclError, match="ask of more scenes"):
        measuring.presence(np.ones((4, 1)), np.ones((4, 2), bool), np.ones((4, 1)), np.ones((4, 2)))


def test_what_tight_crops_cost_is_paired_over_seeds():
    def numbers(*values):
        return {metric: list(values) for metric in HEADINGS}

    costs = with_costs(
        {
            "scenes-0.6": numbers(0.5, 0.6),
            "scenes-0.08": numbers(0.3, 0.5),
            "objects-0.6": numbers(0.5, 0.6),
        }
    )
    assert costs["scenes cost"]["scene"] == pytest.approx([0.2, 0.1])
    assert "objects cost" not in costs
