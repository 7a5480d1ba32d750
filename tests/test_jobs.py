"""Jobs side by side: all are run, and a failure is told and stops the rest."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vidcl.errors import VidclError
from vidcl.jobs import Job, run_jobs
from vidcl.training.interrupt import deferred_interrupt


def write(path: Path, progress) -> None:
    progress(1, 2)
    path.write_text("done")
    progress(2, 2)


def fail(progress) -> None:
    raise VidclError("Give it another name.")


def crash(progress) -> None:
    raise ValueError("a bug")


def sleep(path: Path, progress) -> None:
    time.sleep(120)
    path.write_text("never")


def save_when_asked(path: Path, progress) -> None:
    with deferred_interrupt() as interrupt:
        path.with_suffix(".started").write_text("")
        while not interrupt.asked:
            time.sleep(0.05)
        time.sleep(0.5)  # what a step takes to end
        path.write_text("saved")
        raise KeyboardInterrupt


def say_what_it_has(path: Path, progress) -> None:
    path.write_text(f"{'fractions' in sys.modules} {os.environ['OF_NOW']} {os.getcwd()}")


def wait_for_ctrl_c(path: Path, preload: tuple[str, ...]) -> None:
    """The main program of the next test."""
    try:
        run_jobs([Job("one", save_when_asked, {"path": path})], workers=1, preload=preload)
    except KeyboardInterrupt:
        sys.exit(130)


@pytest.mark.parametrize("preload", [(), ("torch",)])
def test_ctrl_c_reaches_a_job_once_and_lets_it_save(tmp_path, preload):
    path = tmp_path / "state"
    code = f"from tests.test_jobs import *; wait_for_ctrl_c(Path({str(path)!r}), {preload})"
    root = Path(__file__).parents[1]
    program = subprocess.Popen([sys.executable, "-c", code], cwd=root, start_new_session=True)
    while not path.with_suffix(".started").exists():
        assert program.poll() is None
        time.sleep(0.1)
    os.killpg(program.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    assert program.wait(timeout=60) == 130
    assert path.read_text() == "saved"


def test_all_jobs_run_and_progress_reaches_the_total(tmp_path):
    seen = []
    jobs = [Job(str(k), write, {"path": tmp_path / str(k)}) for k in range(3)]
    seconds = run_jobs(jobs, workers=2, progress=lambda done, total: seen.append((done, total)))
    assert set(seconds) == {"0", "1", "2"}
    assert all((tmp_path / str(k)).read_text() == "done" for k in range(3))
    assert seen[-1] == (6, 6)


def test_forked_jobs_have_the_environment_of_now(tmp_path, monkeypatch):
    for number, value in enumerate(("a", "b")):
        monkeypatch.setenv("OF_NOW", value)
        monkeypatch.chdir(tmp_path)
        path = tmp_path / str(number)
        run_jobs([Job("one", say_what_it_has, {"path": path})], workers=1, preload=("fractions",))
        assert path.read_text() == f"True {value} {tmp_path}"


def test_a_users_error_keeps_its_sentence_and_stops_the_others(tmp_path):
    jobs = [Job("slow", sleep, {"path": tmp_path / "x"}), Job("bad", fail)]
    with pytest.raises(VidclError, match=r"bad: Give it another name\."):
        run_jobs(jobs, workers=2)
    assert not (tmp_path / "x").exists()


def test_a_crash_carries_its_traceback():
    with pytest.raises(RuntimeError, match="ValueError: a bug"):
        run_jobs([Job("bad", crash)], workers=1)
