"""Reading annotated sequences from folders."""

import json

import numpy as np
import pytest

from tests.tracks.clips import square_clip
from tests.tracks.quality.making import (
    RATE,
    made,
    write_pictures,
    write_rows,
    write_sequence,
    write_world,
)
from vidcl.errors import VidclError
from vidcl.tracks.quality.sequences import Step, read_sequences, thin
from vidcl.tracks.quality.truth import TruthRows
from vidcl.video.frames import Frame
from vidcl.video.writer import write_video


def test_pictures_come_in_the_order_of_their_numbers_with_their_boxes(tmp_path):
    frames, boxes = square_clip(11)
    write_pictures(tmp_path / "a" / "seq" / "img", frames, "{}.png")  # 1, 10, 11, 2, ...
    write_rows(tmp_path / "a" / "seq" / "groundtruth.txt", boxes)
    (sequence,) = read_sequences(tmp_path)
    steps = list(sequence.steps())
    assert sequence.name == "seq"
    assert [step.index for step in steps] == list(range(11))
    for step, frame, box in zip(steps, frames, boxes, strict=True):
        np.testing.assert_array_equal(step.frame.image, frame.image)
        np.testing.assert_array_equal(step.truth, box[None])
    assert np.diff([step.frame.time for step in steps]) == pytest.approx(1 / 25)


@pytest.mark.parametrize(
    ("folder", "file"), [("otb_one", "groundtruth.txt"), ("one", "groundtruth_rect.txt")]
)
def test_otb_sequences_are_counted_from_one(tmp_path, folder, file):
    frames, boxes = square_clip(3)
    write_pictures(tmp_path / folder / "img", frames)
    write_rows(tmp_path / folder / file, boxes, first_pixel=1)
    (sequence,) = read_sequences(tmp_path)
    found = np.concatenate([step.truth for step in sequence.steps()])
    np.testing.assert_array_equal(found, boxes)


@pytest.mark.parametrize("media", ["video.mp4", "color", "."])
def test_frames_may_be_a_video_or_lie_in_other_folders(tmp_path, media):
    frames, boxes = square_clip(4)
    home = tmp_path / "seq"
    home.mkdir()
    if media == "video.mp4":
        write_video(home / media, iter(f.image for f in frames), rate=RATE, crf=18)
    else:
        write_pictures(home / media, frames)
    write_rows(home / "groundtruth.txt", boxes)
    (sequence,) = read_sequences(tmp_path)
    assert len(list(sequence.steps())) == 4


def test_a_world_has_boxes_at_times(tmp_path):
    write_world(tmp_path, count=6, clips=2)
    first, second = read_sequences(tmp_path)
    assert (first.name, second.name) == ("clip-00000", "clip-00001")
    assert first.truth.names == ("square",)
    _, boxes = square_clip(6)
    found = np.concatenate([step.truth for step in first.steps()])
    np.testing.assert_allclose(found, boxes, atol=1e-6)


def test_given_boxes_may_be_a_table_of_objects(tmp_path):
    write_world(tmp_path, count=4)
    path = tmp_path / "boxes" / "clip-00000.json"
    thing = json.loads(path.read_text())["objects"][0]
    path.unlink()
    rows = [
        f"{time},a,{','.join(map(str, box))}"
        for time, box in zip(thing["times"], thing["boxes"], strict=True)
    ]
    head = "time,object,x0,y0,x1,y1"
    path.with_suffix(".csv").write_text("\n".join([head, *rows]) + "\n")
    (sequence,) = read_sequences(tmp_path)
    found = np.concatenate([step.truth for step in sequence.steps()])
    np.testing.assert_allclose(found, thing["boxes"], atol=1e-3)
    path.with_suffix(".csv").write_text("\n".join([head, *(r.replace("a,", ",") for r in rows)]))
    with pytest.raises(VidclError, match="which object"):
        read_sequences(tmp_path)


def test_names_choose_and_order(tmp_path):
    for name in ("b", "a", "c"):
        write_sequence(tmp_path / name, count=2)
    assert [s.name for s in read_sequences(tmp_path)] == ["a", "b", "c"]
    assert [s.name for s in read_sequences(tmp_path, ["c", "a"])] == ["c", "a"]
    with pytest.raises(VidclError, match="no sequence d; it has a, b, c"):
        read_sequences(tmp_path, ["d"])


def test_no_more_than_max_frames_are_read(tmp_path):
    write_sequence(tmp_path / "a", count=6)
    (sequence,) = read_sequences(tmp_path, max_frames=4)
    assert len(list(sequence.steps())) == 4


@pytest.mark.parametrize("empty", ["nothing", "a/groundtruth.txt", "boxes/a.json"])
def test_what_is_missing_is_said(tmp_path, empty):
    folder = tmp_path / "data"
    folder.mkdir()
    if empty == "nothing":
        says = "no annotated sequence"
    elif empty.startswith("a/"):
        (folder / "a").mkdir()
        (folder / empty).write_text("1,2,3,4\n")
        says = "no frames"
    else:
        (folder / "boxes").mkdir()
        (folder / empty).write_text('{"objects": []}')
        says = "no video"
    with pytest.raises(VidclError, match=says):
        read_sequences(folder)
    with pytest.raises(VidclError, match="not a folder"):
        read_sequences(folder / "absent")


def test_two_sequences_of_one_name_are_refused(tmp_path):
    write_sequence(tmp_path / "x" / "a", count=2)
    write_sequence(tmp_path / "y" / "a", count=2)
    with pytest.raises(VidclError, match="more than one sequence named a"):
        read_sequences(tmp_path)


def test_more_boxes_than_frames_is_an_error_and_more_frames_is_not():
    frames, boxes = square_clip(5)
    assert len(list(made(frames, TruthRows(boxes[:3])).steps())) == 5
    with pytest.raises(VidclError, match="has 4 frames and 5 true boxes"):
        list(made(frames[:4], TruthRows(boxes)).steps())


def test_frames_of_two_sizes_are_refused():
    frames, boxes = square_clip(3)
    frames[2] = Frame(frames[2].image[:-1], frames[2].time)
    with pytest.raises(VidclError, match="frame 2 has another size"):
        list(made(frames, TruthRows(boxes)).steps())


def test_a_file_that_is_no_picture_is_named(tmp_path):
    write_sequence(tmp_path / "a", count=2)
    (tmp_path / "a" / "img" / "0002.png").write_bytes(b"no")
    (sequence,) = read_sequences(tmp_path)
    with pytest.raises(VidclError, match=r"0002\.png is not a picture"):
        list(sequence.steps())


@pytest.mark.parametrize("rate", [None, 5.0, 12.0, 24.0, 100.0])
def test_thinning_takes_the_first_frame_at_or_after_each_tick(rate):
    times = np.cumsum(np.random.default_rng(3).uniform(0.01, 0.2, 60)) + 4.0
    blank = np.zeros((2, 2, 3), np.uint8)
    steps = [Step(k, Frame(blank, float(t)), np.zeros((1, 4))) for k, t in enumerate(times)]
    found = [step.index for step in thin(steps, rate)]
    if rate is None:
        assert found == list(range(60))
        return
    ticks = times[0] + np.arange(10_000) / rate
    expected = {
        next((k for k, t in enumerate(times) if t >= tick - 1e-3 / rate), None) for tick in ticks
    }
    assert found == sorted(expected - {None})


@pytest.mark.real_data
def test_the_real_sequences_are_read(real_data):
    sequences = {s.name: s for s in read_sequences(real_data / "tracking")}
    assert len(sequences) == 12
    crossing = list(sequences["otb_Crossing"].steps())
    np.testing.assert_array_equal(crossing[0].truth, [[204, 150, 221, 200]])  # 205 in the file
    assert len(crossing) == 120
    swan = next(sequences["blackswan"].steps())
    assert swan.frame.image.shape == (480, 854, 3)
    assert len(list(sequences["vot15_bag"].steps())) == 196
