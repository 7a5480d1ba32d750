"""One long video among short ones, and what a test that hurts its reading needs."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from tests.hurt.clips import moving_pictures
from tests.hurt.processes import Process, send
from tests.hurt.running import ALONE, LOCAL, Ended, Run, extract
from tests.hurt.stores import Whole, check_same, videos
from vidcl.video.writer import write_video

#: The videos as they were, beside the folder of those that tests change.
KEPT = "kept"


def make_long(folder: Path) -> Whole:
    """Two short videos and between them a long one of six segments; and their store."""
    clips, store = folder / "clips", folder / "store"
    clips.mkdir()
    for number, name in ((0, "a.mkv"), (2, "z.mkv")):
        write_video(clips / name, moving_pictures(number, 60), rate=25)
    write_video(clips / "long.mp4", moving_pictures(1, 500), rate=25, crf=10)
    shutil.copytree(clips, folder / KEPT)
    ended = extract(folder / "run", [clips], store, *LOCAL)
    assert ended.status == 0, ended.error
    return Whole(clips, store, 0.0)


def put_back(whole: Whole) -> None:
    """The same bytes and the same times of change."""
    for path in (whole.clips.parent / KEPT).iterdir():
        shutil.copy2(path, whole.clips / path.name)


def while_read(
    whole: Whole,
    folder: Path,
    act: Callable[[Path, list[Process]], None],
    options: tuple[str, ...],
) -> tuple[Path, Ended]:
    """Extract, and when processes read the long file and a shard is done, stop them, ``act`` on
    the file or on them, and let them go on; the store and how the run ended."""
    out, target = folder / "store", whole.clips / "long.mp4"
    run = Run(folder / "run", [whole.clips], out, *options)
    first = out / "shards" / "shard-00000.json"
    run.until(lambda: first.exists() and run.reading(target), "the long file being read")
    readers = run.reading(target)
    send(signal.SIGSTOP, readers)
    act(target, readers)
    send(signal.SIGCONT, readers)
    return out, run.wait()


def check_others(whole: Whole, out: Path) -> None:
    """The short videos are as in an undisturbed store."""
    told, wanted = videos(out), videos(whole.store)
    for name in ("a.mkv", "z.mkv"):
        assert told[name] == wanted[name]


def check_put_right(whole: Whole, out: Path, folder: Path, *options: str) -> None:
    """With the file as it was, the same command makes the rest."""
    put_back(whole)
    again = extract(folder / "again", [whole.clips], out, *ALONE, *options)
    assert again.status == 0, again.error
    check_same(out, whole.store)
