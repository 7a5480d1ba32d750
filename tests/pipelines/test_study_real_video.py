"""The study of real clips runs from end to end on rendered ones, and counts as the package does."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "pipelines"))
import study_real_video

from studies.real_video import clips as rv_clips
from studies.real_video import config as rv_config
from studies.real_video import findings as rv_findings
from studies.real_video import results as rv_results
from studies.real_video import retrieve as rv_retrieve
from studies.real_video import sets as rv_sets
from studies.real_video import stores as rv_stores
from vidcl.datasets.labelled import write_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation.retrieval.cross_view import Views, cross_view_retrieval
from vidcl.video.reader import VideoReader

SCRIPT = Path(__file__).parents[2] / "pipelines" / "study_real_video.py"


def main(monkeypatch, *arguments):
    """The program in this process: its exit status."""
    monkeypatch.setattr(sys, "argv", ["study_real_video.py", *map(str, arguments)])
    return study_real_video.main()


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    out = tmp_path_factory.mktemp("real-video")
    command = [sys.executable, str(SCRIPT), "--smoke", "--out", str(out), "--workers", "1"]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr[-2000:]
    return out


def test_smoke_writes_results_table_plot_and_page(smoke):
    results = json.loads((smoke / "results.json").read_text())
    names = [system["name"] for system in results["systems"]]
    assert names == [*rv_config.SMOKE_SYSTEMS, *rv_config.CONTROLS]
    labels = ["views", "views within class", "views grey", "views grey within class"]
    assert list(results["sets"]) == labels
    for system in results["systems"]:
        for label in labels:
            found = system["sets"][label]
            assert [entry["min_gap"] for entry in found["gaps"]] == [0.0, 45.0]
            assert found["min_gap"] == 45.0 and 0 <= found["recall@1"] <= 1
            assert found["recall@1"] == found["gaps"][1]["recall@1"]
        assert system["sets"]["views"]["ris@10"] > 0
    # what chance gives is no more than a few right answers among many images
    iid = next(system for system in results["systems"] if system["name"] == "i.i.d. features")
    assert iid["sets"]["views"]["recall@1"] < 0.2
    colour = next(system for system in results["systems"] if system["name"] == "colour histogram")
    assert colour["sets"]["views"]["recall@1"] > colour["sets"]["views grey"]["recall@1"]
    assert results["stores"]["tracks"]["videos"] == 3
    assert {answer["held"] for answer in results["findings"]} == {"one seed"}
    assert (smoke / "plot.png").read_bytes().startswith(b"\x89PNG")
    page = (smoke / "page.md").read_text()
    assert "| raw pixels |" in page and "nothing is judged" in page
    assert "| moco |" in (smoke / "table.md").read_text()


def test_a_second_run_reuses_the_first(smoke, monkeypatch):
    # a number that no run would give stays: nothing was run again
    kept = smoke / "runs" / "moco" / "seed-0.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"views recall@1 45": 0.12345}))
    assert main(monkeypatch, "--smoke", "--out", smoke, "--workers", "1") == 0
    moco = json.loads((smoke / "results.json").read_text())["systems"][0]
    assert moco["sets"]["views"]["recall@1"] == 0.12345


def test_other_settings_in_the_same_folder_are_an_error(smoke, monkeypatch, capsys):
    assert main(monkeypatch, "--smoke", "--out", smoke, "--workers", "1", "--steps", "5") == 1
    assert "other settings" in capsys.readouterr().err


def test_what_is_missing_is_told_before_the_work(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert main(monkeypatch, "--out", out) == 1
    assert "--videos" in capsys.readouterr().err
    assert main(monkeypatch, "--out", out, "--videos", tmp_path) == 1
    assert "--tests" in capsys.readouterr().err
    assert main(monkeypatch, "--out", out, "--systems", "moco", "moko") == 1
    assert "no system 'moko'" in capsys.readouterr().err
    assert not out.exists()


def test_help_names_settings_and_examples(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        main(monkeypatch, "--help")
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "--hold-out" in text and "--tests eth80:ETH80" in text


def test_a_broken_file_is_counted(smoke, tmp_path):
    clips = sorted((smoke / "world" / "videos").glob("*.mp4"))[:1]
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    settings = rv_config.StudyConfig(**rv_config.SMOKE)
    facts = rv_stores.make_store(tmp_path, "tracks", [*clips, broken], settings, 1)
    assert (facts["videos"], facts["failed"]) == (2, 1)
    assert list(facts["faults"]) == ["broken.mp4"] and facts["tracks"] > 0


def frames(folder, count, seed=0):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 255, (33, 49, 3), dtype=np.uint8)
    for number in range(count):
        Image.fromarray(np.roll(image, number, 1)).save(folder / f"{number:04d}.jpg")


def test_folders_of_frames_become_clips_and_videos_stay(tmp_path):
    root, out = tmp_path / "data", tmp_path / "out"
    frames(root / "bag" / "img", 9)
    frames(root / "few", 3)
    frames(root / "film" / "stills", 9)
    (root / "film" / "stills" / "film.mp4").write_bytes(b"a video beside its stills")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "a.mp4").write_bytes(b"x")
    found = rv_clips.clips_of([root], out)
    assert found == [root / "film" / "stills" / "film.mp4", out / "bag-img.mp4"]
    with VideoReader(found[1]) as video:
        shapes = [frame.image.shape for frame in video.frames()]
    assert shapes == [(32, 48, 3)] * 9  # yuv420p holds no odd row or column
    stamp = found[1].stat().st_mtime_ns
    assert rv_clips.clips_of([root], out) == found and found[1].stat().st_mtime_ns == stamp
    Image.new("RGB", (49, 33)).save(root / "bag" / "img" / "0009.jpg")
    rv_clips.clips_of([root], out)
    assert found[1].stat().st_mtime_ns != stamp
    with pytest.raises(VidclError, match="neither a video nor"):
        rv_clips.clips_of([root / "few"], out)
    with pytest.raises(VidclError, match="is no folder"):
        rv_clips.clips_of([root / "none"], out)


def test_systems_differ_in_their_pairs_alone():
    settings = rv_config.StudyConfig(steps=7, batch_size=16, gap=(0.5, 2.0), queue=32)
    configs = {name: rv_config.training_of(name, 3, settings) for name in rv_config.SYSTEMS}
    rest = [config.model_dump(exclude={"pairs"}) for config in configs.values()]
    assert all(one == rest[0] for one in rest) and rest[0]["training"]["steps"] == 7
    gaps = {n: [s.gap for s in config.pairs.streams] for n, config in configs.items()}
    assert gaps["moco"] == gaps["region_gap0"] == [(0.0, 0.0)]
    assert gaps["region_only"] == gaps["region_static"] == [(0.5, 2.0)]
    assert configs["moco"].pairs.splits == ("train", "test")
    held = rv_config.training_of("moco", 3, settings.model_copy(update={"hold_out": True}))
    assert held.pairs.splits == ("train",)


def test_gaps_on_the_sphere_are_the_packages():
    features, instances, _, azimuth = some_views()
    polar = np.random.default_rng(5).choice([0.0, 30.0, 45.0, 90.0], len(instances))
    views = Views(instances, azimuth, True, 0.0, polar)
    found = rv_retrieve.retrieve(features, views, (45.0, 90.0))
    for gap in (45.0, 90.0):
        whole = cross_view_retrieval(features, instances, azimuth, gap, polar=polar, bootstrap=0)
        assert len(found[gap]["queries"]) == whole["n"]
        for name in ("recall@1", "recall@5", "map"):
            assert found[gap][name].mean() == pytest.approx(whole[name], abs=1e-12)


def some_views(seed=0, things=6, views=9):
    rng = np.random.default_rng(seed)
    instances = rng.permutation(np.repeat([f"thing{i}" for i in range(things)], views))
    classes = np.array([f"class{int(name[-1]) % 2}" for name in instances])
    azimuth = rng.choice(np.arange(0, 360, 15.0), len(instances))
    features = np.round(rng.standard_normal((len(instances), 3)), 1)  # with ties
    return features, instances, classes, azimuth


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_retrieval_is_the_packages_at_every_gap(seed):
    features, instances, classes, azimuth = some_views(seed)
    views = Views(instances, azimuth, True, 0.0)
    gaps = (0.0, 45.0, 90.0)
    found = rv_retrieve.retrieve(features, views, gaps)
    within = rv_retrieve.retrieve(features, views, gaps, classes)
    for gap in gaps:
        whole = cross_view_retrieval(features, instances, azimuth, gap, (1, 5), bootstrap=0)
        assert len(found[gap]["queries"]) == whole["n"]
        for name in ("recall@1", "recall@5", "map"):
            assert found[gap][name].mean() == pytest.approx(whole[name], abs=1e-12)
        parts = [
            cross_view_retrieval(
                features[classes == one],
                instances[classes == one],
                azimuth[classes == one],
                gap,
                (1, 5),
                bootstrap=0,
            )
            for one in np.unique(classes)
        ]
        total = sum(part["n"] for part in parts)
        for name in ("recall@1", "recall@5", "map"):
            expected = sum(part[name] * part["n"] for part in parts) / total
            assert within[gap][name].mean() == pytest.approx(expected, abs=1e-12)
    with pytest.raises(VidclError, match="170 degrees"):
        alike = Views(np.array(["a", "a"]), np.zeros(2), True, 0.0)
        rv_retrieve.retrieve(features[:2], alike, (170.0,))


def test_grey_images_are_their_own_grey(tmp_path):
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 255, (4, 8, 8, 3), dtype=np.uint8)
    grey = rv_sets.as_grey(colour)
    expected = np.rint(colour @ np.array(rv_sets.LUMA)).astype(int)
    assert np.abs(grey[..., 0].astype(int) - expected).max() <= 1
    np.testing.assert_array_equal(rv_sets.as_grey(grey), grey)
    labels = {
        "instance": ["a", "a", "b", "b"],
        "class": ["A", "A", "B", "B"],
        "azimuth": [0.0, 90.0, 0.0, 90.0],
    }
    for name, images in (("colour", colour), ("grey", grey)):
        write_labelled_set(tmp_path / f"{name}.parquet", name, images, labels)
    words = [f"{name}:{tmp_path / name}.parquet" for name in ("colour", "grey")]
    tests = rv_sets.open_tests(words)
    assert list(tests) == ["colour", "colour grey", "grey"]
    np.testing.assert_array_equal(tests["colour grey"].images, grey)
    assert tests["colour"].classes is None  # a class of one thing has no other to confuse
    with pytest.raises(VidclError, match="Two test sets are named colour"):
        rv_sets.open_tests([words[0], words[0]])
    write_labelled_set(tmp_path / "flat.parquet", "flat", colour, {"instance": labels["instance"]})
    with pytest.raises(VidclError, match="'azimuth'"):
        rv_sets.open_tests([f"flat:{tmp_path / 'flat.parquet'}"])


def test_findings_pair_seeds_and_resample_objects(tmp_path, monkeypatch):
    """A system that finds every view of three things more than its twin, on all seeds."""
    things = np.repeat(np.arange(10), 4).astype(np.int32)
    hits = {"region_only": things < 8, "moco": things < 5, "colour histogram": things < 9}
    measured = {}
    for arm, right in hits.items():
        measured[arm] = {"set recall@1 45": []}
        for seed in (0, 1, 2):
            moved = right.copy()
            moved[39] = seed == 0 and arm == "region_only"
            folder = tmp_path / "runs" / arm / f"seed-{seed}"
            folder.mkdir(parents=True)
            np.savez(folder / "queries.npz", **{"set 45": moved, "set 45 thing": things})
            measured[arm]["set recall@1 45"].append(float(moved.mean()))
    monkeypatch.setattr(rv_findings, "FLOORS", ("colour histogram",))
    systems = ["moco", "region_only"]
    answers = rv_findings.findings(measured, ["set"], 45.0, systems, (0, 1, 2), tmp_path)
    by_pair = {(answer["more"], answer["less"]): answer for answer in answers}
    twin = by_pair["region_only", "moco"]
    assert twin["difference"] == pytest.approx(100 * (3 * 4 + 1 / 3) / 40)
    assert twin["held"] == "yes" and twin["set"] == "set"
    low, high = twin["objects"]
    assert 0 <= low < twin["difference"] < high <= 70
    assert by_pair["region_only", "colour histogram"]["held"] == "no"
    assert by_pair["moco", "colour histogram"]["objects"][1] <= 0


def test_the_judged_gap_heads_the_results():
    numbers = {}
    for gap in (0, 90):
        for metric in ("n", *rv_results.METRICS):
            numbers[f"set {metric} {gap}"] = [gap / 100, gap / 100 + 0.1]
    found = rv_results._set(numbers, "set", (0.0, 90.0), 7)
    assert found["min_gap"] == 90.0 and found["recall@1"] == pytest.approx(0.95)
    assert found["recall@1_std"] == pytest.approx(np.std([0.9, 1.0], ddof=1))
    assert rv_findings.judged_gap((0.0, 45.0, 90.0)) == 45.0


@pytest.mark.real_data
def test_real_clips_and_sets_are_found(real_data, tmp_path):
    clips = rv_clips.clips_of([real_data / "videos", real_data / "tracking"], tmp_path)
    names = {path.name for path in clips}
    assert {"otb_Crossing-img.mp4", "vot15_bag-img.mp4", "decord__corrupted.mp4"} <= names
    assert sum(name == "video.mp4" for name in (path.name for path in clips)) == 10
    with VideoReader(tmp_path / "vot15_bag-img.mp4") as video:
        assert sum(1 for _ in video.frames()) == 196
    views = real_data / "multiview"
    tests = rv_sets.open_tests(
        [f"eth80-part:{views / 'eth80'}", f"coil20-part:{views / 'coil20_32x32.npz'}"]
    )
    assert list(tests) == ["eth80", "eth80 grey", "coil20"]
    seen = tests["eth80"].views
    assert len(tests["eth80"].images) == 2255 and len(np.unique(seen.instances)) == 55
    assert len(tests["coil20"].images) == 1008 and tests["coil20"].classes is None
    # every view of ETH-80 has another of its own thing 90 degrees away
    rows = np.repeat(np.arange(2255), 2255), np.tile(np.arange(2255), 2255)
    apart = seen.pair_gaps(*rows).reshape(2255, 2255)
    own = seen.instances[:, None] == seen.instances[None, :]
    assert ((apart >= 90) & own).any(1).all()
