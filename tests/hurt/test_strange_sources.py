"""Things with a video's name that are none, and names that programs stumble over: each has a row or
is refused by one sentence, none blocks the run, and the good videos beside them are extracted."""

import os
import shutil
from pathlib import Path

import pytest

from tests.hurt.clips import moving_pictures
from tests.hurt.rights import bound_by_rights
from tests.hurt.running import Run, extract
from tests.hurt.stores import statuses, videos
from vidcl.tracks.extraction.videos import read_videos
from vidcl.tracks.store import open_store
from vidcl.video.writer import write_video

ALONE = ("--engine", "local", "--workers", "1", "--probe-timeout", "10", "--video-timeout", "10")

#: Bytes of names that are legal on Linux.
NAMES = {
    "newline": b"two\nlines.mkv",
    "quotes": b'it\'s "so".mkv',
    "dash": b"-n.mkv",
    "longest": b"n" * 251 + b".mkv",
    "pattern": b"%03d.mkv",
    "glob": b"[a]*?.mkv",
    "colon": b"file:x.mkv",
    "protocol": b"concat:a|b.mkv",
    "space": b" .mkv",
    "unicode": "видео-动画-😀.mkv".encode(),
    "tab": b"a\tb.mkv",
    "backslash": b"a\\b.mkv",
    "hash": b"#1.mkv",
    "escape": b"\x1b[31mred.mkv",
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "good.mkv"
    write_video(path, moving_pictures(0, 20), rate=10)
    return path


def strange_things(folder: Path) -> dict[str, Path]:
    """One of each kind; what each is -> its path."""
    things = {
        name: folder / f"{name}.mp4"
        for name in ("pipe", "sparse", "endless", "folder", "broken", "loop", "empty", "text")
    }
    os.mkfifo(things["pipe"])
    with open(things["sparse"], "wb") as file:
        file.truncate(10 * 2**30)
    things["endless"].symlink_to("/dev/zero")
    things["folder"].mkdir()
    things["broken"].symlink_to(folder / "nowhere.mp4")
    things["loop"].symlink_to(things["loop"])
    things["empty"].touch()
    things["text"].write_text("no video\n" * 100)
    return things


def test_things_that_are_no_files_do_not_block_a_folder(clip, tmp_path):
    folder, out = tmp_path / "videos", tmp_path / "store"
    folder.mkdir()
    shutil.copy(clip, folder)
    things = strange_things(folder)
    (folder / "round").symlink_to(folder)
    ended = extract(tmp_path / "run", [folder], out, *ALONE)
    assert ended.status == 0, ended.error
    ended.check_quiet()
    found = statuses(out)
    assert found.pop("good.mkv") == ("ok", None)
    assert {"sparse.mp4", "empty.mp4", "text.mp4"} <= found.keys()
    assert found.keys() <= {path.name for path in things.values()}
    assert {status for status, _ in found.values()} == {"failed"}, found
    assert "internal" not in {kind for _, kind in found.values()}
    # a link to nowhere is a video that is missing
    assert found["broken.mp4"] == ("failed", "missing")


def test_things_that_a_list_names_each_have_their_row(clip, tmp_path):
    folder, out = tmp_path / "videos", tmp_path / "store"
    folder.mkdir()
    things = strange_things(folder)
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{path}\n" for path in [*things.values(), clip]))
    ended = extract(tmp_path / "run", [listed], out, *ALONE)
    assert ended.status == 0, ended.error
    ended.check_quiet()
    rows = videos(out)
    assert rows.keys() == {path.name for path in (*things.values(), clip)}
    assert rows.pop("good.mkv")["status"] == "ok"
    for name, row in rows.items():
        assert row["status"] == "failed" and row["error"] != "internal", (name, row)
        assert row["message"], name


@pytest.mark.parametrize(
    "name",
    ["pipe", *(pytest.param(n, marks=pytest.mark.full) for n in ("endless", "broken", "loop"))],
)
def test_one_such_thing_alone_is_refused_by_one_sentence(name, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    thing = strange_things(folder)[name]
    ended = extract(tmp_path / "run", [thing], tmp_path / "store", *ALONE)
    assert ended.status == 1, ended
    assert name in ended.sentence()


def test_names_that_programs_stumble_over_are_ordinary(clip, tmp_path):
    folder, out = tmp_path / "videos", tmp_path / "store"
    folder.mkdir()
    for name in NAMES.values():
        shutil.copy(os.fsencode(clip), os.path.join(os.fsencode(folder), name))
    ended = extract(tmp_path / "run", [folder], out, *ALONE)
    assert ended.status == 0, ended.error
    ended.check_quiet()
    rows = read_videos(out).to_pylist()
    assert len(rows) == len(NAMES)
    assert {(row["status"], row["error"]) for row in rows} == {("ok", None)}
    store = open_store(out)
    assert len({row["tracks"] for row in rows}) == 1 and len(store) == sum(
        r["tracks"] for r in rows
    )
    said = [line for line in ended.out.splitlines() if "\x1b" in line]
    assert not said, "a name must not steer the terminal"


def test_a_name_that_is_no_text_costs_only_itself(clip, tmp_path):
    """Bytes that are not UTF-8, as old disks and archives have them."""
    folder, out = os.fsencode(tmp_path / "videos"), tmp_path / "store"
    os.mkdir(folder)
    shutil.copy(clip, os.fsdecode(folder))
    shutil.copy(os.fsencode(clip), os.path.join(folder, b"caf\xe9.mkv"))
    ended = extract(tmp_path / "run", [tmp_path / "videos"], out, *ALONE)
    assert ended.status == 0, ended.error
    ended.check_quiet()
    assert statuses(out)["good.mkv"] == ("ok", None)
    assert "caf\\xe9.mkv" in ended.out + ended.error


def test_such_names_can_be_given_one_by_one(clip, tmp_path):
    """In the folder they are in, as a shell gives them; the dash needs its './'."""
    folder, out = tmp_path / "run", tmp_path / "store"
    folder.mkdir()
    keys = ("newline", "quotes", "dash", "pattern", "glob", "protocol", "longest", "escape")
    names = [f"./{os.fsdecode(NAMES[key])}" for key in keys]
    for name in names:
        shutil.copy(clip, folder / name)
    ended = extract(folder, names, out, *ALONE)
    assert ended.status == 0, ended.error
    ended.check_quiet()
    rows = read_videos(out).to_pylist()
    assert [row["status"] for row in rows] == ["ok"] * len(names)


def test_a_file_that_may_not_be_read_has_its_row(clip, tmp_path):
    folder, out = tmp_path / "videos", tmp_path / "store"
    folder.mkdir()
    shutil.copy(clip, folder / "a.mkv")
    shutil.copy(clip, folder / "locked.mkv")
    (folder / "locked.mkv").chmod(0)
    ended = Run(tmp_path / "run", [folder], out, *ALONE, prefix=bound_by_rights()).wait()
    assert ended.status == 0, ended.error
    ended.check_quiet()
    assert statuses(out)["a.mkv"] == ("ok", None)
    status, kind = statuses(out)["locked.mkv"]
    assert status == "failed" and kind != "internal"
    assert "permission" in videos(out)["locked.mkv"]["message"].lower()
