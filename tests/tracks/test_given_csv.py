"""Boxes from a table: what is accepted, and one sentence for what is not."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.tracks.given import read_given_boxes

HEADER = "object,time,x0,y0,x1,y1\n"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "boxes.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_table_says_the_same_as_json(tmp_path):
    generator = np.random.default_rng(0)
    objects = []
    for name in ("cup", "dög, small", "7"):
        count = int(generator.integers(1, 9))
        low = generator.uniform(0, 90, (count, 2))
        boxes = np.concatenate([low, low + generator.uniform(1, 30, (count, 2))], 1)
        seen = generator.integers(0, 2, count).astype(bool)
        times = np.sort(generator.uniform(0, 5, count))
        objects.append(
            {
                "id": name,
                "times": times.tolist(),
                "boxes": boxes.tolist(),
                "visible": seen.tolist(),
            }
        )
    (tmp_path / "boxes.json").write_text(json.dumps({"objects": objects}))
    lines = [
        f'"{thing["id"]}",{thing["visible"][k]},{time!r},{",".join(map(repr, thing["boxes"][k]))}'
        for thing in objects
        for k, time in enumerate(thing["times"])
    ]
    random.Random(0).shuffle(lines)  # the order of the rows does not matter
    path = write(tmp_path, "object,visible,time,x0,y0,x1,y1\n" + "\n".join(lines))
    table, wanted = read_given_boxes(path), read_given_boxes(tmp_path / "boxes.json")
    found = {thing.name: thing for thing in table.objects}
    assert len(found) == 3 and len(table.detections) == 0
    for thing in wanted.objects:
        for name in ("times", "boxes", "visible"):
            mine = getattr(found[thing.name], name)
            np.testing.assert_array_equal(mine, getattr(thing, name))
            assert mine.dtype == getattr(thing, name).dtype


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "a,1.5,10,20,40,60\n",
        "Time , X1,Y1,X2,Y2,ID,label\r\n1.5, 10,20, 40,60,a,cup\r\n\r\n",
        "frame,fps,xmin,ymin,xmax,ymax,track_id\n45,30,10,20,40,60,a\n",
        "seconds,left,top,right,bottom,track\n1.5,10,20,40,60,a",
        "object,time,x,y,w,h\na,1.5,10,20,30,40\n",
        "object_id,time,left,top,width,height,visible\na,15e-1,10,20,30,40,Yes\n",
        "\ufeff" + HEADER + '"a","1.5","10","20","40","60"\n',
        # the more particular name counts: this id is the row's
        "id,object,time,x0,y0,x1,y1\n1,a,1.5,10,20,40,60\n",
        # time counts before frame
        "object,frame,time,x0,y0,x1,y1\na,99,1.5,10,20,40,60\n",
    ],
)
def test_spellings(tmp_path, text):
    (thing,) = read_given_boxes(write(tmp_path, text)).objects
    assert thing.name == "a"
    assert thing.times.tolist() == [1.5] and thing.visible.tolist() == [True]
    assert thing.boxes.tolist() == [[10, 20, 40, 60]]


def test_rows_without_object_stand_for_themselves(tmp_path):
    text = "time,x0,y0,x1,y1,score,object,visible\n"
    text += "2,0,0,4,4,0.5,,1\n1,0,0,1,1,0.1,,1\n1,0,0,2,2,.9,,1\n1,0,0,3,3,0.9,,1\n"
    text += "1,0,0,9,9,1,,0\n3,0,0,5,5,0.2,cup,1\n"
    given = read_given_boxes(write(tmp_path, text))
    assert [thing.name for thing in given.objects] == ["cup"]
    assert given.detections.times.tolist() == [1, 1, 1, 2]
    assert given.detections.boxes[:, 2].tolist() == [2, 3, 1, 4]  # best first, then as written
    bare = read_given_boxes(write(tmp_path, "time,x0,y0,x1,y1\n0.5,0,0,4,4\n"))
    assert bare.objects == () and bare.detections.boxes.tolist() == [[0, 0, 4, 4]]


def test_a_header_alone_is_a_video_without_boxes(tmp_path):
    given = read_given_boxes(write(tmp_path, HEADER))
    assert given.objects == () and len(given.detections) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty: its first line must name columns"),
        ("\n\n", "is empty"),
        (",,,\n", "is empty"),
        ("object;time;x0;y0;x1;y1\na;0,5;1;2;3;4\n", "save it with commas, not ;"),
        ("object\ttime\tx0\ty0\tx1\ty1\n", "save it with commas"),
        ("a,0.5,1,2,3,4\n", "must have the columns x0,y0,x1,y1 or x,y,w,h"),
        ("object,time,x0,y0\n", "must have the columns x0,y0,x1,y1"),
        ("object,x0,y0,x1,y1\n", "a column time .seconds., or frame and fps"),
        ("object,frame,x0,y0,x1,y1\n", "a column time .seconds., or frame and fps"),
        ("object,time,time,x0,y0,x1,y1\n", "two columns time"),
        (HEADER + "a,0,1,2,3\n", "line 2: it has 5 fields and the header 6"),
        (HEADER + "a,0,1,2,3,4\na,1,1,2,3,4,5\n", "line 3: it has 7 fields"),
        (HEADER + "a,0,1,2,nan,4\n", "line 2: x1 must be a number, not 'nan'"),
        (HEADER + "a,inf,1,2,3,4\n", "time must be a number, not 'inf'"),
        (HEADER + "a,0,1,2,-1e999,4\n", "x1 must be a number"),
        (HEADER + "a,0,1e300,2,2e300,4\n", "x0 must be a number"),
        (HEADER + "a,0,,2,3,4\n", "x0 must be a number, not ''"),
        (HEADER + "a,0,1_0,2,30,4\n", "x0 must be a number, not '1_0'"),
        (HEADER + "a,0,zwölf,2,30,4\n", "x0 must be a number, not 'zwölf'"),
        (HEADER + "a,0," + "9" * 100_000 + ",2,30,4\n", r"x0 must be a number, not '9+\.\.\."),
        (HEADER + "a,0," + "9" * 200_000 + ",2,30,4\n", "line 2: field larger than field limit"),
        (HEADER + 'a,0,"1,2,3,4\n' * 3, "line 3: ',' expected after"),
        (HEADER + "a,0,3,2,3,4\n", "x0 < x1 and y0 < y1, not 3,2,3,4"),
        ("time,x,y,w,h\n0,3,2,0,4\n", "w and h above 0, not 3,2,0,4"),
        (HEADER + "a,1,1,2,3,4\nb,1,1,2,3,4\na,1.0,1,2,3,4\n", "'a' has two boxes at 1 s"),
        (HEADER[:-1] + ",visible\na,0,1,2,3,4,maybe\n", "visible must be 1 or 0, not 'maybe'"),
        (HEADER[:-1] + ",score\na,0,1,2,3,4,\n", "score must be a number, not ''"),
        ("frame,fps,x0,y0,x1,y1\n1.5,30,1,2,3,4\n", "frame must be a whole number from 0"),
        ("frame,fps,x0,y0,x1,y1\n-1,30,1,2,3,4\n", "frame must be a whole number from 0"),
        ("frame,fps,x0,y0,x1,y1\n1,0,1,2,3,4\n", "fps must be above 0"),
    ],
    ids=lambda value: value[-40:],
)
def test_a_bad_table_is_one_clear_sentence(tmp_path, text, words):
    path = write(tmp_path, text)
    with pytest.raises(VidclError, match=words) as caught:
        read_given_boxes(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    assert len(message) - len(str(path)) < 200


def test_other_encodings_and_no_file(tmp_path):
    for encoding in ("utf-16", "latin-1"):
        with pytest.raises(VidclError, match="not UTF-8 text"):
            read_given_boxes(write(tmp_path, HEADER + "ä,0,1,2,3,4\n", encoding))
    with pytest.raises(VidclError, match=r"Cannot read .*none\.csv"):
        read_given_boxes(tmp_path / "none.csv")
    path = tmp_path / "noise.csv"
    generator = np.random.default_rng(0)
    for _ in range(50):
        path.write_bytes(generator.bytes(300))
        with pytest.raises(VidclError):
            read_given_boxes(path)


def test_a_table_that_was_cut_or_mixed_up_never_surprises(tmp_path):
    """Whatever happens to a good file, it is read or refused."""
    rows = "".join(f"a,{k / 10},1,2,{30 + k},40,{k % 2}\n" for k in range(8))
    data = bytearray((HEADER[:-1] + ",visible\n" + rows).encode())
    generator = np.random.default_rng(0)
    path = tmp_path / "boxes.csv"
    outcomes = set()
    for _ in range(150):
        bad = bytearray(data)
        for _ in range(int(generator.integers(1, 4))):
            bad[int(generator.integers(len(bad)))] = int(
                generator.choice(list(b'",;\n\r-eE0\0\xff'))
            )
        path.write_bytes(bad[: int(generator.integers(1, len(bad)))])
        try:
            given = read_given_boxes(path)
        except VidclError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
            continue
        outcomes.add("read")
        for thing in given.objects:
            assert np.isfinite(thing.boxes).all() and (np.diff(thing.times) > 0).all()
    assert outcomes == {"read", "refused"}
