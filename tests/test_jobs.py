"""Jobs side by side: all are run, and a failure is told and stops the rest."""

import time
from pathlib import Path

import pytest

from vidcl.errors import VidclError
from vidcl.jobs import Job, run_jobs


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


def test_all_jobs_run_and_progress_reaches_the_total(tmp_path):
    seen = []
    jobs = [Job(str(k), write, {"path": tmp_path / str(k)}) for k in range(3)]
    seconds = run_jobs(jobs, workers=2, progress=lambda done, total: seen.append((done, total)))
    assert set(seconds) == {"0", "1", "2"}
    assert all((tmp_path / str(k)).read_text() == "done" for k in range(3))
    assert seen[-1] == (6, 6)


def test_a_users_error_keeps_its_sentence_and_stops_the_others(tmp_path):
    jobs = [Job("slow", sleep, {"path": tmp_path / "x"}), Job("bad", fail)]
    with pytest.raises(VidclError, match=r"bad: Give it another name\."):
        run_jobs(jobs, workers=2)
    assert not (tmp_path / "x").exists()


def test_a_crash_carries_its_traceback():
    with pytest.raises(RuntimeError, match="ValueError: a bug"):
        run_jobs([Job("bad", crash)], workers=1)
