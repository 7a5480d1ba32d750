"""``vidcl track`` as a user meets it: an overlay that plays, a table, JSON, and plain refusals."""

import json
import shlex

import numpy as np
import pytest

from tests.tracks.clips import square_clip
from vidcl.cli import main
from vidcl.commands import extract
from vidcl.commands.options import parse
from vidcl.commands.track import _changed
from vidcl.config import load_config
from vidcl.presets import find_preset
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.preview import painter
from vidcl.video.probe import probe
from vidcl.video.reader import VideoReader
from vidcl.video.writer import write_video

SMALL = ["--follow.working-side", "64"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Two shots, 24 and 20 frames at 12 per second, 160 x 120."""
    path = tmp_path_factory.mktemp("track command") / "two shots.mp4"
    pictures = [
        frame.image for seed, n in ((0, 24), (7, 20)) for frame in square_clip(n, seed=seed)[0]
    ]
    write_video(path, pictures, rate=12, crf=12)
    return path


def pictures_of(path) -> list[np.ndarray]:
    with VideoReader(path) as reader:
        return [frame.image for frame in reader.frames()]


def test_the_overlay_plays_and_the_table_says_what_is_in_the_json(clip, tmp_path, capsys):
    out, table = tmp_path / "new" / "overlay.mp4", tmp_path / "tracks.json"
    assert main(["track", str(clip), "--out", str(out), "--json", str(table), *SMALL]) == 0
    info = probe(out)
    assert info.codec == "h264" and info.rate == pytest.approx(12, abs=0.1)
    pictures = pictures_of(out)
    assert len(pictures) == 44 + 12  # the last one stays a second
    assert pictures[0].shape[0] % 2 == pictures[0].shape[1] % 2 == 0
    facts = json.loads(table.read_text())
    assert facts["frames"] == 44 and len(facts["shots"]) == 2
    assert facts["settings"]["follow"]["working_side"] == 64
    assert {track["end_reason"] for track in facts["tracks"]} >= {"cut", "end"}
    shown = capsys.readouterr().out
    rows = [
        line.split() for line in shown.splitlines() if line[:5].strip().isdigit() and line[5] == " "
    ]
    assert [
        [str(t["number"]), str(t["shot"]), f"{t['start']:.2f}", f"{t['end']:.2f}", str(t["kept"])]
        for t in facts["tracks"]
    ] == [row[:5] for row in rows]
    assert f"in {facts['covered'] / 44:.0%} of 44 followed frames" in shown
    assert [path.name for path in out.parent.iterdir()] == ["overlay.mp4"]


def test_only_the_time_asked_for_is_drawn(clip, tmp_path):
    out, table = tmp_path / "o.mp4", tmp_path / "t.json"
    words = ["--start", "1", "--end", "2.5", "--json", str(table)]
    assert main(["track", str(clip), "--out", str(out), *words, *SMALL]) == 0
    facts = json.loads(table.read_text())
    assert facts["frames"] == 18 and facts["shots"][0][0] == 1.0 and facts["shots"][-1][1] < 2.5
    assert len(pictures_of(out)) == 18 + 12


def test_given_boxes_are_followed_under_their_names(clip, tmp_path, capsys):
    _, boxes = square_clip(24)
    thing = {"id": "square", "times": [k / 12 for k in range(24)], "boxes": boxes.tolist()}
    (tmp_path / "boxes.json").write_text(json.dumps({"objects": [thing]}))
    words = ["--given", str(tmp_path / "boxes.json"), "--follow.tracker", "given"]
    assert main(["track", str(clip), "--out", str(tmp_path / "o.mp4"), *words]) == 0
    shown = capsys.readouterr().out
    (row,) = [line for line in shown.splitlines() if line.endswith("square")]
    assert row.split()[:5] == ["1", "0", "0.00", "1.75", "8"] and "cut" in row
    assert "--follow.proposer given" in shown and "takes the boxes of" in shown


def test_the_next_command_has_the_same_settings(clip, tmp_path, capsys):
    words = ["--follow.keep-rate", "None", "--no-whole-frames", "--crop.shape", "box"]
    words += ["--config", "extract_demo", "--follow.max-regions", "3", *SMALL]
    assert main(["track", str(clip), "--out", str(tmp_path / "o.mp4"), "--end", "1", *words]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("next:")]
    following = shlex.split(line.removeprefix("next:"))
    assert following[:5] == ["vidcl", "extract", str(clip), "--out", "store"]
    defaults = load_config(find_preset("extract_demo"), ExtractConfig)
    default = extract.Options(sources=(), out=tmp_path, settings=defaults, config="extract_demo")
    settings = parse(extract.Options, following[2:], prog="extract", default=default).settings
    assert settings.follow.keep_rate is None and settings.follow.max_regions == 3
    assert settings.follow.working_side == 64 and settings.crop.shape == "box"
    assert not settings.whole_frames and settings.crop.canvas == defaults.crop.canvas


def test_changed_settings_as_options():
    old = {"a_b": 1, "c": True, "d": {"e_f": False, "g": None, "h": 2.5}}
    new = {"a_b": 2, "c": False, "d": {"e_f": True, "g": None, "h": None}}
    assert _changed(new, old) == ["--a-b", "2", "--no-c", "--d.e-f", "--d.h", "None"]
    assert _changed(old, new)[3:5] == ["--d.no-e-f", "--d.h"] and _changed(old, old) == []


@pytest.mark.parametrize(
    ("shape", "count"), [((120, 160), 1), ((200, 2), 6), ((1, 1), 3), ((101, 133), 6)]
)
def test_short_tiny_and_odd_videos_have_an_overlay(shape, count, tmp_path, capsys):
    pictures = [frame.image[: shape[0], : shape[1]] for frame in square_clip(count)[0]]
    pictures = [np.resize(picture, (*shape, 3)) for picture in pictures]
    source, out = tmp_path / "in.mkv", tmp_path / "out.mp4"
    write_video(source, pictures, rate=12, pixel_format="yuv444p")
    assert main(["track", str(source), "--out", str(out), *SMALL]) == 0
    assert len(pictures_of(out)) > count
    assert f"{count} followed frame" in capsys.readouterr().out


def test_a_damaged_end_is_a_note(clip, tmp_path, capsys):
    write_video(tmp_path / "whole.mkv", pictures_of(clip), rate=12)
    data = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "half.mkv").write_bytes(data[: len(data) // 2])
    out = tmp_path / "o.mp4"
    assert main(["track", str(tmp_path / "half.mkv"), "--out", str(out), *SMALL]) == 0
    shown = capsys.readouterr().out
    assert "note: " in shown and "half.mkv" in shown and out.exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["nowhere.mp4", "--out", "{tmp}/o.mp4"], "nowhere.mp4 does not exist"),
        (["{tmp}/text.mp4", "--out", "{tmp}/o.mp4"], "is not a video"),
        (["{tmp}", "--out", "{tmp}/o.mp4"], "is a folder"),
        (["{clip}", "--out", "{tmp}/o.avi"], "must be an .mp4 file"),
        (["{clip}", "--out", "{tmp}/dir.mp4"], "is a folder"),
        (["{clip}", "--out", "{clip}"], "is the input"),
        (["{clip}", "--out", "{tmp}/link.mp4"], "is the input"),
        (["{clip}", "--out", "{tmp}/o.mp4", "--json", "{clip}"], "is the input"),
        (["{clip}", "--out", "{tmp}/o.mp4", "--json", "{tmp}/o.mp4"], "name two"),
        (["{clip}", "--out", "{tmp}/text.mp4/o.mp4"], "takes no files"),
        (["{clip}", "--out", "{tmp}/o.mp4", "--start", "3", "--end", "1"], "must come before"),
        (["{clip}", "--out", "{tmp}/o.mp4", "--start", "100"], "no frame in the time"),
        (["{clip}", "--out", "{tmp}/o.mp4", "--given", "{tmp}/text.mp4"], "is not JSON"),
        (["{clip}", "--out", "{tmp}/o.mp4", "--follow.proposer", "given"], "needs a file of boxes"),
        (
            ["{clip}", "--out", "{tmp}/o.mp4", "--given-dir", "{tmp}"],
            "exactly one of two shots.json",
        ),
        (["{clip}", "--out", "{tmp}/o.mp4", "--config", "extrct"], "extract"),
    ],
)
def test_wrong_input_gets_one_sentence_and_leaves_no_file(words, text, clip, tmp_path, capsys):
    (tmp_path / "text.mp4").write_text("this is no video\n" * 50)
    (tmp_path / "link.mp4").symlink_to(clip)
    (tmp_path / "dir.mp4").mkdir()
    before, data = sorted(tmp_path.rglob("*")), clip.read_bytes()
    assert main(["track", *(word.format(tmp=tmp_path, clip=clip) for word in words)]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("vidcl: ")]
    assert len(errors) == 1 and text in errors[0]
    assert sorted(tmp_path.rglob("*")) == before and clip.read_bytes() == data


def test_ctrl_c_leaves_the_old_overlay_and_no_half_one(clip, tmp_path, capsys, monkeypatch):
    out = tmp_path / "o.mp4"
    out.write_bytes(b"the one from before")
    drawn = painter.draw_boxes
    calls = 0

    def interrupted(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == 20:
            raise KeyboardInterrupt
        return drawn(*args, **kwargs)

    monkeypatch.setattr(painter, "draw_boxes", interrupted)
    assert main(["track", str(clip), "--out", str(out), *SMALL]) == 130
    assert "was not written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["o.mp4"]
    assert out.read_bytes() == b"the one from before"


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name",
    ["torchcodec__nasa_13013_rotated.mp4", "decord__unordered.mov", "decord__corrupted.mp4"],
)
def test_real_oddities_have_an_overlay(name, real_data, tmp_path):
    out = tmp_path / "o.mp4"
    assert main(["track", str(real_data / "videos" / name), "--out", str(out)]) == 0
    source, drawn = probe(real_data / "videos" / name), probe(out)
    if source.height > source.width:
        assert drawn.height > drawn.width
