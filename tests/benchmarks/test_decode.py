"""The benchmark of decoding, small: who conforms is timed, and who does not is named."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from benchmarks import decode, decode_clips, decode_table, decode_targets, decode_turns, decoders
from tests.video.encode import bar_frames, encode
from vidcl.errors import VidclError


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decode")
    return encode(folder / "a.mp4", bar_frames(50, 64, 96), b_frames=2, gop=100)


def taken_by(row: dict[str, Any]) -> dict[str, Any]:
    taken: dict[str, Any] = row["requests"]["2/s"]
    return taken


def test_it_runs_and_writes_what_it_prints(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, text = tmp_path / "d.json", tmp_path / "d.md"
    arguments = [str(clip), "--repeats", "1", "--short-side", "32"]
    assert decode.main([*arguments, "--out", str(out), "--markdown", str(text)]) == 0
    assert capsys.readouterr().out.strip() == text.read_text().strip()
    results = json.loads(out.read_text())
    assert [row["group"] for row in results["clips"]] == ["h264", "keyed", "mjpeg"]
    for row in results["clips"]:
        assert "fault" not in row
        for name, taken in row["requests"]["2/s"].items():
            if name != "decord":  # it was seen to fail on small Motion JPEG
                assert "fault" not in taken, (row["group"], name, taken)
        if row["group"] in decode_clips.ANEW:
            assert set(row["requests"]) == {"2/s"} and set(taken_by(row)) == set(decode.ON_ANEW)
        else:
            assert set(row["requests"]["dense"]) == set(decode_turns.DENSE)
    assert results["clips"][0]["skippable"] > 0.2 and results["clips"][2]["skippable"] == 0
    assert "| exact / plain, every clip | never below 0.95 | lowest " in text.read_text()
    before = out.read_bytes()
    assert decode.main([*arguments, "--out", str(out)]) == 0
    assert out.read_bytes() == before, "what is there is not run again"


def test_an_answer_is_held_against_the_reference(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = decode_turns.read_every(clip, 32)
    request, reference = decode_turns.asked(every, 4.0)
    assert request.indices == [0, 5, 10, 15, 20, 25, 30, 35, 40, 45]
    assert np.allclose(reference[1], np.array(request.indices) / 20)
    assert (request.width, request.height) == (48, 32)

    def answers(images: list[np.ndarray], times: list[float]) -> str | None:
        monkeypatch.setitem(decoders.CONTESTANTS, "liar", lambda _: (images, times))
        fault, _, _ = decode_turns.first_turn("liar", request, reference, every)
        return fault

    images, times = reference
    assert answers(images, times) is None
    assert answers(images[:-1], times[:-1]) == "9 frames instead of 10"
    assert "times off by 0.05" in str(answers(images, [time + 0.05 for time in times]))
    assert answers([image[:, :40] for image in images], times) == "size 40x32"
    assert "other pictures" in str(answers([255 - image for image in images], times))

    def raises(request: decoders.Request) -> decoders.Answer:
        raise RuntimeError("no such codec\nand a stack")

    monkeypatch.setitem(decoders.CONTESTANTS, "liar", raises)
    assert decode_turns.first_turn("liar", request, reference, every)[0] == "no such codec"
    found = decode_turns.turns(every, 4.0, ["liar", "plain PyAV"], 1)
    assert found["liar"] == {"fault": "no such codec"}
    assert found["plain PyAV"]["processor"] > 0


def test_a_tolerant_answer_may_be_shorter_and_near(clip: Path) -> None:
    every = decode_turns.read_every(clip, 32)
    request, reference = decode_turns.asked(every, 4.0)

    def fault(numbers: list[int], late: float = 0.0) -> str | None:
        answer = [every.images[k] for k in numbers], [every.times[k] + late for k in numbers]
        return decode_turns.fault_of(decode_targets.TOLERANT, request, reference, answer, every)

    assert request.indices[:3] == [0, 5, 10] and request.tolerance == 0.125
    assert fault([0, 7, 12]) is None
    # Only the last one can be farther away than half a step from every wanted time.
    assert fault([*request.indices[:-1], 48]) == "times off by 0.15 s"
    assert fault(list(range(len(request.indices) + 1))) == "11 frames instead of 10"
    assert fault([]) == "0 frames instead of 10"
    other = [255 - every.images[k] for k in (0, 7)], [every.times[k] for k in (0, 7)]
    found = decode_turns.fault_of(decode_targets.TOLERANT, request, reference, other, every)
    assert found is not None and found.startswith("other pictures")


def test_clips_encoded_anew_have_their_keyframes(clip: Path, tmp_path: Path) -> None:
    decode_clips.encode(clip, tmp_path / "k.mp4", "keyed")
    decode_clips.encode(clip, tmp_path / "m.avi", "mjpeg")
    with av.open(str(tmp_path / "k.mp4")) as file:
        times = [float(p.pts * p.time_base) for p in file.demux(video=0) if p.is_keyframe]
    assert np.allclose(times, np.arange(0, 2.5, 0.5))
    with av.open(str(tmp_path / "m.avi")) as file:
        assert all(p.is_keyframe for p in file.demux(video=0) if p.size)


def test_ratios_and_the_lowest_are_those_of_the_numbers() -> None:
    def row(name: str, plain: float, exact: float, group: str = "h264") -> dict[str, object]:
        taken = {
            "plain PyAV": {"processor": plain, "wall": plain},
            "vidcl exact": {"processor": exact, "wall": exact / 2},
            "vidcl tolerance": {"fault": "none"},
        }
        known = {"clip": name, "group": group, "skippable": 0.5, "width": 4, "height": 3}
        return known | {"frames": 9, "requests": {"2/s": taken}}

    results = {
        "settings": {
            "rates": [2.0],
            "short_side": 8,
            "repeats": 1,
            "contestants": list(decoders.CONTESTANTS),
        },
        "provenance": {"load": [0.0], "cpu": "c", "commit": "d"},
        "clips": [row("a", 3.0, 1.0), row("b", 2.0, 1.0), row("c", 1.0, 2.0)],
    }
    lines = decode_targets.summary(results)
    assert "| exact / plain, H.264 | 3 | 2.00 | 0.50 | 4.00 | c (h264) |" in lines
    assert not any("tolerance" in line for line in lines)
    wanted = "| exact / plain, every clip | never below 0.95 | lowest 0.50; "
    assert f"{wanted}below: c (h264) 0.50 of 1000 ms | 3 | **no** |" in decode_targets.verdicts(
        results
    )
    results["clips"].pop()
    assert f"{wanted}| 2 | yes |".replace("0.50; ", "2.00 ") in decode_targets.verdicts(results)
    results["clips"][0]["requests"]["2/s"]["decord"] = {"processor": 1.2, "wall": 1.0}
    first = decode_targets.verdicts(results)[2]
    assert first == (
        "| exact / decord, H.264 | median of 1.15 | 1.20 (by the clock 2.00) | 1 | yes |"
    )
    results["clips"].append({"clip": "d", "group": "other", "fault": "it died"})
    assert "| d | it died |" in decode_table.markdown(results)


def test_a_folder_without_videos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VidclError, match="holds no video"):
        decode.main([str(tmp_path)])


@pytest.mark.real_data
def test_vidcl_answers_rightly_on_a_real_clip(real_data: Path) -> None:
    path = real_data / "videos" / "co-tracker__bear.mp4"
    every = decode_turns.read_every(path, 128)
    request, reference = decode_turns.asked(every, 2.0)
    for name in ("plain PyAV", "vidcl exact", "vidcl tolerance"):
        assert decode_turns.first_turn(name, request, reference, every)[0] is None
