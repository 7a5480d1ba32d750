"""A decoder that hangs, crashes or is killed in the midst of a video loses what it was at, and no
other video: it is recorded, and can be done again."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hurt.long import check_others, check_put_right, while_read
from tests.hurt.processes import Process, send
from tests.hurt.running import ALONE, LOCAL, RAY, Run
from tests.hurt.stores import Whole, check_same, statuses

#: A segment takes less than one second; a frozen one may take these.
SHORT = ("--video-timeout", "6", "--probe-timeout", "6")


def send_to_decoders(number: signal.Signals) -> Callable[[Path, list[Process]], None]:
    """An act of ``while_read``: a signal for what decodes, which has the file open."""

    def act(path: Path, readers: list[Process]) -> None:
        send(number, readers)

    return act


def crash(options: tuple[str, ...], whole: Whole, folder: Path) -> None:
    out, ended = while_read(whole, folder, send_to_decoders(signal.SIGSEGV), options)
    assert ended.status == 0, ended.error
    ended.check_quiet()
    assert statuses(out)["long.mp4"] == ("partial", "crash")
    check_others(whole, out)
    check_put_right(whole, out, folder, "--retry-failed")


def kill(options: tuple[str, ...], whole: Whole, folder: Path) -> None:
    """As the kernel does where memory is short. What is killed once is tried again at once."""
    out, ended = while_read(whole, folder, send_to_decoders(signal.SIGKILL), options)
    assert ended.status == 0, ended.error
    ended.check_quiet()
    check_same(out, whole.store)


def hang(options: tuple[str, ...], whole: Whole, folder: Path) -> None:
    """What stands still for longer than its budget is given up."""
    out = folder / "store"
    target = whole.clips / "long.mp4"
    run = Run(folder / "run", [whole.clips], out, *options, *SHORT)
    frozen: list[Process] = []

    def freeze() -> bool:
        if (out / "shards" / "shard-00000.json").exists():
            frozen.extend(run.reading(target))
        send(signal.SIGSTOP, frozen)
        return bool(frozen)

    run.until(freeze, "the long file being read")
    ended = run.wait()
    assert ended.status == 0, ended.error
    ended.check_quiet()
    assert statuses(out)["long.mp4"] == ("partial", "timeout")
    check_others(whole, out)
    check_put_right(whole, out, folder, "--retry-failed")


def test_a_decoder_that_crashes_loses_one_segment(long_whole, tmp_path):
    crash(ALONE, long_whole, tmp_path)


def test_a_decoder_that_is_killed_is_tried_again(long_whole, tmp_path):
    kill(ALONE, long_whole, tmp_path)


def test_a_decoder_that_hangs_loses_one_segment(long_whole, tmp_path):
    hang(ALONE, long_whole, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("hurt", [crash, kill, hang])
@pytest.mark.parametrize("options", [LOCAL, RAY], ids=["local", "ray"])
def test_any_engine_loses_no_more(options, hurt, long_whole, tmp_path):
    hurt(options, long_whole, tmp_path)
