"""``benchmarks/judgement.py`` on made-up sequences."""

import re

import numpy as np
import pytest

from benchmarks import judgement, tracking
from tests.tracks.clips import square_clip, texture
from tests.tracks.quality.making import write_pictures, write_rows, write_world
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.judgement.confidence import CONSTANT, FEATURES, WEIGHTS
from vidcl.tracks.quality.evidence import Trace, follow_unjudged, pooled
from vidcl.tracks.quality.logistic import logistic
from vidcl.tracks.quality.runs import Run
from vidcl.tracks.quality.sequences import read_sequences

GROUPS = ("tuning", "reporting", "world")


def write_hidden(home, count=18, seed=0):
    """The moving square, which goes behind a wall and is then absent."""
    frames, boxes = square_clip(count, seed=seed, speed=(5.0, 0.0))
    for frame in frames:
        frame.image[:, 75:] = texture(seed + 50, 120, 160, grain=10)[:, 75:]
    boxes[:, 2] = np.minimum(boxes[:, 2], 75)
    boxes[boxes[:, 0] >= 75] = 0
    write_pictures(home / "img", frames)
    write_rows(home / "groundtruth.txt", boxes)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_hidden(folder / "goat")
    write_hidden(folder / "other", seed=1)
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "world"
    write_world(folder, clips=3)
    return folder


def printed(capsys, *arguments):
    assert judgement.main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def rows_of(text, title):
    """The table under a title: first cell -> the others."""
    section = text.split(f"### {title}\n")[1].split("###")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: [float(c) if c != "-" else np.nan for c in row[1:]] for row in cells}


def test_the_smoke_run_prints_all_of_it_twice_alike(data, world, capsys):
    text = printed(capsys, data, world, "--smoke")
    assert printed(capsys, data, world, "--smoke") == text
    titles = re.findall("### (.*)", text)
    both = ("new fit", "confidence.py")
    assert titles == [
        "Weights",
        "Area under the ROC curve",
        *(f"Calibration, {score}, {group}" for score in both for group in GROUPS),
        *(f"Kept, {score}, {group}" for score in both for group in GROUPS),
        *(f"Half of the tuning frames kept, {group}" for group in GROUPS),
    ]
    alone = [f"{name} alone" for name in FEATURES]
    assert list(rows_of(text, "Area under the ROC curve")) == [*both, *alone]
    weights = rows_of(text, "Weights")
    assert list(weights) == [*FEATURES, "constant"]
    np.testing.assert_allclose([row[3] for row in weights.values()], [*WEIGHTS, CONSTANT])


def test_what_is_printed_is_what_was_fitted_and_kept(data, world, capsys):
    arguments = ["--every", 5, "--draws", 3, "--thresholds", 0.5, 0.9]
    text = printed(capsys, data, world, *arguments)
    config = FollowConfig()
    goat, other = (
        follow_unjudged(sequence, config, lambda _, seen: seen % 5 == 0)
        for sequence in read_sequences(data)
    )
    clips = [
        trace
        for sequence in read_sequences(world)
        for trace in follow_unjudged(sequence, config, lambda index, _: index == 2)
    ]
    assert [trace.run.start for trace in clips] == [2, 2, 2]
    found = judgement.fit(goat, clips, 0.01)
    names: dict = {"np": np}
    exec("\n".join(text.splitlines()[:2]), names)
    np.testing.assert_allclose([*names["WEIGHTS"], names["CONSTANT"]], found, atol=5.1e-4)

    evidence, on = pooled(other)
    assert 0 < on.mean() < 1
    bins = rows_of(text, "Calibration, new fit, reporting")
    assert sum(row[0] for row in bins.values()) == len(on)
    sure = logistic(evidence, found) >= 0.9
    assert bins["0.9 to 1.0"][0] == sure.sum()
    assert bins["0.9 to 1.0"][2] == pytest.approx(on[sure].mean(), abs=5e-4)

    kept = rows_of(text, "Kept, new fit, reporting")
    assert list(kept) == ["0", "0.5", "0.9"]
    assert kept["0"][0] == pytest.approx(on.mean(), abs=5e-4)
    assert kept["0"][2] == 1
    assert kept["0"][0] < kept["0.5"][0]
    assert kept["0.9"][2] <= kept["0.5"][2] < 1
    half = rows_of(text, "Half of the tuning frames kept, tuning")
    assert all(share <= 0.5 or name == "visible alone" for name, (_, _, share, _) in half.items())


def made_trace(seed, slope, count=40):
    """Boxes on and off their object by chance, as ``slope`` and the first feature say."""
    generator = np.random.default_rng(seed)
    evidence = generator.normal(size=(count, 5))
    on = generator.random(count) < 1 / (1 + np.exp(-slope * evidence[:, 0]))
    box = np.array([10.0, 10, 20, 20])
    run = Run(0, 0, box, [box if is_on else box + 50 for is_on in on], [box] * count)
    return Trace(str(seed), run, list(evidence))


def test_both_halves_count_alike():
    tuning, world = [made_trace(0, 1.0)], [made_trace(1, -1.0)]
    once = judgement.fit(tuning, world, 1e-9)
    # with next to no penalty only the shares matter: the world's is a half however large it is
    np.testing.assert_allclose(judgement.fit(tuning, world * 3, 1e-9), once, atol=1e-6)
    alone = judgement.fit(tuning, tuning, 1e-9)
    assert alone[0] > once[0] + 0.3 > judgement.fit(world, world, 1e-9)[0] + 0.6


def test_whole_sequences_are_drawn_again(data):
    traces = [
        trace
        for sequence in read_sequences(data)
        for trace in follow_unjudged(sequence, FollowConfig(), lambda _, seen: seen in (0, 2))
    ]
    parts = {name: [t for t in traces if t.sequence == name] for name in ("goat", "other")}
    seen = set()
    for seed in range(12):
        drawn = judgement.redrawn(traces, np.random.default_rng(seed))
        names = [trace.sequence for trace in drawn]
        seen.add(tuple(names))
        assert [t for t in drawn if t.sequence == "goat"] == parts["goat"] * (
            names.count("goat") // len(parts["goat"])
        )
        assert len(drawn) == 4
    assert len(seen) >= 3


def test_the_tuning_sequences_are_those_of_the_other_benchmark():
    assert judgement.TUNING == tracking.TUNING


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--every", "0"], "--every is 0"),
        (["--patience", "0"], "--patience is 0"),
        (["--penalty", "0"], "--penalty is 0"),
        (["--clips", "5", "9"], "none of the 3 clips"),
    ],
)
def test_mistakes_are_answered_with_a_sentence(data, world, capsys, change, says):
    assert judgement.main([str(data), str(world), *change]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and says in error


def test_missing_folders_and_sequences_are_answered_with_a_sentence(data, world, tmp_path, capsys):
    assert judgement.main([str(data), str(tmp_path / "none")]) == 1
    assert "is not a folder" in capsys.readouterr().err
    assert judgement.main([str(world), str(world)]) == 1
    assert "it needs one of blackswan" in capsys.readouterr().err
    short = tmp_path / "short"
    write_world(short, count=2)
    assert judgement.main([str(data), str(short)]) == 1
    assert "Nothing can be followed in world" in capsys.readouterr().err


def test_what_never_leaves_its_object_cannot_be_fitted(world, tmp_path, capsys):
    easy = tmp_path / "data" / "goat"
    frames, boxes = square_clip(8)
    write_pictures(easy / "img", frames)
    write_rows(easy / "groundtruth.txt", boxes)
    assert judgement.main([str(tmp_path / "data"), str(world)]) == 1
    assert "All boxes are on their objects" in capsys.readouterr().err
