"""Children that hang, die, eat memory or talk nonsense are a sentence to whoever watches them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from vidcl.errors import VidclError
from vidcl.guarded.guard import Guard, GuardClosed
from vidcl.guarded.packed import Packed, pack
from vidcl.guarded.shared import current_guard, use_guard
from vidcl.guarded.watched import TAIL, ChildDied, ChildRaised, ChildSlow


@pytest.fixture(scope="module")
def guard() -> Iterator[Guard]:
    with Guard(["tests.deeds"]) as guard:
        yield guard


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_end(pid: int) -> bool:
    for _ in range(1000):
        if not is_alive(pid):
            return True
        time.sleep(0.01)
    return False


def death(guard: Guard, deed: str, *arguments: object, **options: object) -> ChildDied:
    with (
        guard.child(f"tests.deeds:{deed}", *arguments, **options) as child,  # type: ignore[arg-type]
        pytest.raises(ChildDied) as died,
    ):
        child.hear(60)
    return died.value


def test_a_child_talks_and_returns(guard):
    with guard.child("tests.deeds:double", 21) as child:
        how, pid = child.hear(60)
        assert how == "said" and pid != os.getpid()
        assert child.hear(60) == ("returned", 42)
        written = child.messages().splitlines()
        assert sorted(written) == ["on stderr", "on stdout", "written by no Python stream"]
        assert child.messages() == ""
    assert wait_for_end(pid)


def test_talk_goes_both_ways_whatever_its_size(guard):
    with guard.child("tests.deeds:echo") as child:
        for message in ("a", b"x" * 3_000_000, {"k": [1, 2]}):
            child.say(message)
            assert child.hear(60) == ("said", message)
        child.say(None)
        assert child.hear(60) == ("returned", "over")


def test_a_child_begins_clean(guard):
    with guard.child("tests.deeds:facts") as child:
        _, facts = child.hear(60)
    assert facts["parent"] != os.getpid() and facts["session"] != os.getsid(0)
    assert facts["threads"] == 1 and facts["omp"] == "1" and facts["stdin"] == b""
    assert "pytest" not in facts["modules"]
    assert len(facts["descriptors"]) == 4  # the three streams and the socket


@pytest.mark.parametrize(
    ("deed", "arguments", "how", "outside"),
    [
        ("segfault", (), "was ended by SIGSEGV", False),
        ("abort", (), "was ended by SIGABRT", False),
        ("kill_itself", (signal.SIGFPE,), "was ended by SIGFPE", False),
        ("kill_itself", (signal.SIGBUS,), "was ended by SIGBUS", False),
        ("kill_itself", (signal.SIGKILL,), "was ended by SIGKILL", True),
        ("kill_itself", (signal.SIGTERM,), "was ended by SIGTERM", True),
        ("end", (3,), "ended itself with status 3", False),
        ("end", (0,), "ended itself with status 0", False),
    ],
)
def test_how_a_child_died_is_known(guard, deed, arguments, how, outside):
    died = death(guard, deed, *arguments)
    assert died.how == how and died.from_outside is outside
    if deed == "segfault":
        assert died.messages == "about to read address nought\n"


@pytest.mark.parametrize("deed", ["hang", "hang_with_the_gil"])
def test_a_child_that_hangs_is_given_up_and_killed(guard, deed):
    with guard.child(f"tests.deeds:{deed}") as child:
        _, pid = child.hear(60)
        with pytest.raises(ChildSlow):
            child.hear(0.05)
        assert is_alive(pid)
    assert not is_alive(pid)  # its end has been waited for


def test_what_a_function_raises_is_raised(guard):
    for deed, kind, words in (
        ("refuse", VidclError, "another name"),
        ("fail", ChildRaised, "ZeroDivisionError: a bug"),
        ("not_there", ChildRaised, "AttributeError"),
    ):
        with pytest.raises(kind, match=words), guard.child(f"tests.deeds:{deed}") as child:
            child.hear(60)


def test_memory_is_limited_beyond_what_is_there(guard):
    with guard.child("tests.deeds:allocate", 100 * 2**20, memory=2**28) as child:
        assert child.hear(60) == ("returned", 100 * 2**20)
    with (
        guard.child("tests.deeds:allocate", 300 * 2**20, memory=2**28) as child,
        pytest.raises(MemoryError),
    ):
        child.hear(60)


def test_of_endless_messages_the_last_stay(guard):
    with guard.child("tests.deeds:babble", 100_000) as child:
        assert child.hear(60) == ("said", "done")
        text = child.messages()
    assert text.endswith("line 99999\n") and len(text) <= TAIL


def test_nonsense_is_a_death(guard):
    died = death(guard, "talk_nonsense")
    assert died.signal == signal.SIGSEGV and not died.from_outside
    # one that lives without its socket is killed
    died = death(guard, "close_everything_and_stay")
    assert died.signal == signal.SIGKILL


def test_a_server_that_was_killed_is_started_again():
    with Guard() as guard:
        with guard.child("tests.deeds:hang") as child:
            _, pid = child.hear(60)
            assert guard.server is not None
            os.kill(guard.server, signal.SIGKILL)
            with pytest.raises(ChildDied) as died:
                child.hear(60)
            assert died.value.from_outside and died.value.how == "was lost"
        assert wait_for_end(pid)
        with guard.child("tests.deeds:double", 1) as child:
            child.hear(60)
            assert child.hear(60) == ("returned", 2)
        server = guard.server
    assert server is not None and not is_alive(server)


def test_threads_share_a_server(guard):
    answers: list[object] = []

    def ask(number: int) -> None:
        for _ in range(5):
            with guard.child("tests.deeds:double", number) as child:
                child.hear(60)
                answers.append((number, child.hear(60)))

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted((k, ("returned", 2 * k)) for k in range(4) for _ in range(5))


def test_a_closed_guard_gives_no_children():
    guard = Guard()
    with guard.child("tests.deeds:hang") as child:
        _, pid = child.hear(60)
        guard.close()
        assert wait_for_end(pid)
        with pytest.raises(ChildDied):
            child.hear(60)
    with pytest.raises(GuardClosed):
        guard.child("tests.deeds:hang")


ORPHANS = """
import sys, os, time
from vidcl.guarded.guard import Guard
guard = Guard()
children = [guard.child(f"tests.deeds:{deed}") for deed in ("hang", "hang_with_the_gil")]
print(*[child.hear(60)[1] for child in children], guard.server, flush=True)
if os.fork() == 0:  # holds a copy of the guard's sockets
    time.sleep(1000)
time.sleep(1000)
"""


def test_no_child_outlives_a_supervisor_that_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        assert run.stdout is not None
        pids = [int(word) for word in run.stdout.readline().split()]
        try:
            assert len(pids) == 3 and all(map(is_alive, pids))
            run.kill()
            assert all(map(wait_for_end, pids))
        finally:
            os.killpg(run.pid, signal.SIGKILL)


def test_the_guard_of_a_context():
    assert current_guard() is current_guard()
    with Guard() as mine, use_guard(mine):
        assert current_guard() is mine
    assert current_guard() is not mine


def test_packed_things_know_their_modules():
    from tests.tracks.clips import square_clip

    packed = pack({"function": square_clip, "error": ValueError("x"), "guard": Packed})
    assert set(packed.modules) == {"tests.tracks.clips", "vidcl.guarded.packed"}
    assert packed.unpack()["function"] is square_clip
    assert pack(packed) is packed


def test_the_supervising_side_is_light():
    code = (
        "import sys, vidcl.guarded.guard, vidcl.tracks.extraction.shard, "
        "vidcl.tracks.extraction.probing; print(' '.join(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "pyarrow", "av", "cv2", "torch", "ray", "pydantic", "fsspec"}
    assert not heavy & set(run.stdout.split())
