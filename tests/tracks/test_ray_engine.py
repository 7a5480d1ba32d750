"""The Ray engine bounds what is in flight, outlives its workers and ends with a sentence."""

import json
import socket
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from tests.tracks.ray_nodes import ROOT, ray_environment
from vidcl.errors import VidclError
from vidcl.tracks.extraction import ray_engine, ray_knock
from vidcl.version import __version__


def scenarios(folder: Path, which: str) -> dict:
    """What came of each."""
    command = [sys.executable, "-m", "tests.tracks.ray_scenarios", str(folder), which]
    environment = ray_environment(folder)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict:
    return scenarios(tmp_path_factory.mktemp("ray"), "quick")


def test_jobs_are_taken_as_workers_become_free(found):
    assert found["bounded"]["results"] == list(range(12))
    assert found["bounded"]["most ahead"] <= 4  # two for each of two workers


def test_a_job_whose_worker_was_killed_is_done_again(found):
    assert found["killed once"] == list(range(12))


def test_a_job_that_kills_every_worker_is_lost_and_the_others_go_on(found):
    assert found["killed often"]["done"] == [k for k in range(12) if k != 5]
    ((number, reason),) = found["killed often"]["lost"]
    assert number == 5 and reason and "\n" not in reason


def test_what_a_job_refuses_ends_the_run_and_the_engine_can_go_on(found):
    assert found["refused"] == ["VidclError", "The store cannot be written: make room."]
    assert found["after"] == list(range(12))
    assert found["none"] == []


def test_another_vidcl_on_the_cluster_is_told(found):
    name, text = found["other version"]
    assert name == "VidclError" and f"has vidcl {__version__} and this one has 0.0.0" in text


@pytest.mark.full
def test_workers_are_replaced_and_a_run_whose_workers_all_die_ends(tmp_path):
    found = scenarios(tmp_path, "slow")
    name, text = found["all killed"]
    assert name == "VidclError" and "9 tasks in turn lost their worker" in text
    assert "\n" not in text
    assert "RuntimeError" in found["surprised"][0] and "job " in found["surprised"][1]
    assert found["recycled"]["jobs"] == 4 * ray_engine._JOBS_PER_WORKER
    assert found["recycled"]["most"] <= ray_engine._JOBS_PER_WORKER


GIB = 2**30


def node(memory: float, cpus: float, alive: bool = True) -> dict:
    return {"Alive": alive, "Resources": {"memory": memory, "CPU": cpus}}


@pytest.mark.parametrize(
    ("nodes", "asked"),
    [
        ([node(64 * GIB, 16)], GIB),
        ([node(2 * GIB, 4)], GIB // 2),  # all four CPUs can work
        ([node(2 * GIB, 4), node(64 * GIB, 16)], GIB),  # two of the small one's stay idle
        ([node(GIB, 1), node(64 * GIB, 16, alive=False)], GIB),
        ([{"Alive": True, "Resources": {"memory": GIB}}], 0),  # a head without CPUs
        ([], 0),
    ],
)
def test_no_task_asks_for_more_than_the_roomiest_machine_has_per_cpu(monkeypatch, nodes, asked):
    monkeypatch.setattr(ray_engine.ray, "nodes", lambda: nodes)
    assert ray_engine._task_memory() == asked


def test_the_width_follows_a_cluster_that_grows(monkeypatch):
    cpus = {"CPU": 0.0}
    monkeypatch.setattr(ray_engine.ray, "cluster_resources", lambda: cpus)
    now = [0.0]
    monkeypatch.setattr(ray_engine.time, "monotonic", lambda: now[0])
    width = ray_engine._Width(None)
    assert width() == 2  # something must wait, or no cluster grows
    cpus["CPU"] = 8.0
    assert width() == 2
    now[0] += ray_engine._LOOK_SECONDS
    assert width() == 16
    assert ray_engine._Width(3)() == 3


def test_a_note_says_when_nothing_moves(monkeypatch):
    answers = iter([([], ["a"]), (["a"], []), (["a"], [])])
    timeouts = []

    def wait(pending, num_returns, timeout, fetch_local):
        timeouts.append(timeout)
        return next(answers)

    monkeypatch.setattr(ray_engine.ray, "wait", wait)
    monkeypatch.setattr(ray_engine.ray, "available_resources", dict)
    monkeypatch.setattr(ray_engine.ray, "cluster_resources", lambda: {"CPU": 4.0})
    with pytest.warns(UserWarning, match="no task has ended for 60 s; the cluster has 4 CPUs, 0"):
        assert ray_engine._finished(["a"]) == ["a"]
    assert timeouts == [60.0, None, 0]


def test_knocking_tells_what_is_wrong(monkeypatch):
    with pytest.raises(VidclError, match="run it there with --ray-address HOST:PORT"):
        ray_knock.knock("ray://head:10001")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            ray_knock.knock(f"127.0.0.1:{closed.getsockname()[1]}")
    ray_knock.knock("auto")  # is Ray's to find
    answer = namedtuple("answer", "returncode stderr")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        for code, stderr, told in (
            (1, "a\nRPC error: InvalidAuthToken: wrong", "lets in only who has its token"),
            (-6, "*** SIGABRT\nno authentication token was found", "RAY_AUTH_TOKEN_PATH"),
            (1, "a\nb: 3", r"cannot be asked \(b: 3\)"),
            (1, "", r"cannot be asked \(it ended without a word\)"),
        ):
            monkeypatch.setattr(
                ray_knock.subprocess, "run", lambda *_, c=code, e=stderr, **__: answer(c, e)
            )
            monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
            with pytest.raises(VidclError, match=told):
                ray_knock.knock(address)


def test_what_is_no_ray_is_given_up(monkeypatch):
    monkeypatch.setattr(ray_knock, "_PATIENCE", 2.0)
    told = "does not answer as the head of a Ray cluster"
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(VidclError, match=told):
        ray_knock.knock(f"127.0.0.1:{silent.getsockname()[1]}")


def test_one_line_is_one_line_and_short():
    assert ray_knock.one_line(ValueError("a\n  b")) == "a b"
    assert ray_knock.one_line(ValueError()) == "ValueError"
    assert len(ray_knock.one_line(ValueError("x" * 500))) == 200
