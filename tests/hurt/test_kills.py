"""kill -9 of workers and of drivers, and Ctrl-C, at moments drawn by chance: the same command
again gives the store of an undisturbed run, and nothing of the killed run lives on."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.hurt.processes import Process, alive
from tests.hurt.running import ALONE, LOCAL, RAY, Run, extract
from tests.hurt.stores import Whole, check_same, shards

#: How much longer than the local engine's a run with Ray takes at first: it starts a cluster.
RAY_STARTS = 2.0
#: Moments of the full set.
MOMENTS = 20


def stopped_by(
    send: signal.Signals, options: tuple[str, ...], whole: Whole, moment: float, folder: Path
) -> tuple[Path, int, str]:
    """A run that got a signal after ``moment`` (0..1) of its time: its store, exit status and what
    it said. A run that was over sooner than that is done again, and stopped earlier."""
    for trial in range(6):
        out = folder / f"store{trial}"
        run = Run(folder / f"run{trial}", [whole.clips], out, *options)
        scale = RAY_STARTS if "ray" in options else 1.0
        if run.delay(moment * whole.seconds * scale * 0.7**trial):
            if send == signal.SIGKILL:
                run.kill()
            else:
                run.until(lambda run=run: _in_command(run), "its modules")
                run.signal_group(send)
            ended = run.wait()
            # past its last line the command is over, and Python on its way out
            if ended.status != 0 and "next:" not in ended.out:
                return out, ended.status, ended.error
        else:
            run.wait()
    raise AssertionError(f"every run was over before moment {moment:.2f} of it")


def _in_command(run: Run) -> bool:
    """Before the command itself is loaded, Ctrl-C meets Python's start, which is not ours."""
    maps = Path(f"/proc/{run.process.pid}/maps").read_text()
    return "_multiarray_umath" in maps or run.process.poll() is not None


def kill_a_worker(
    options: tuple[str, ...], whole: Whole, generator: np.random.Generator, folder: Path
) -> tuple[Process, int]:
    """Kill one of the processes that extract, chosen by chance, once a chosen number of shards is
    there; the same command then makes the store whole. Gives the process and the exit status."""
    out = folder / "store"
    run = Run(folder / "run", [whole.clips], out, *options)
    target = int(generator.integers(0, 4))
    run.until(lambda: len(shards(out)) >= target and run.workers(), f"{target} shards")
    victims = run.workers()
    victim = victims[int(generator.integers(len(victims)))]
    os.kill(victim.pid, signal.SIGKILL)
    ended = run.wait()
    assert not alive([victim])
    assert ended.status in (0, 1), ended.error
    if ended.status == 1:
        ended.sentence()
    else:
        ended.check_quiet()
    again = extract(folder / "again", [whole.clips], out, *ALONE)
    assert again.status == 0, again.error
    check_same(out, whole.store)
    return victim, ended.status


def check_resumes(out: Path, whole: Whole, folder: Path, *options: str) -> None:
    again = extract(folder / "again", [whole.clips], out, *options)
    assert again.status == 0, again.error
    check_same(out, whole.store)


def test_a_killed_driver_continues(whole, tmp_path):
    out, status, _ = stopped_by(signal.SIGKILL, LOCAL, whole, 0.6, tmp_path)
    assert status == -signal.SIGKILL
    check_resumes(out, whole, tmp_path, *ALONE)


def test_a_killed_worker_costs_nothing(whole, tmp_path):
    kill_a_worker(LOCAL, whole, np.random.default_rng(1), tmp_path)


def test_a_killed_ray_worker_costs_nothing(whole, tmp_path):
    kill_a_worker(RAY, whole, np.random.default_rng(2), tmp_path)


def test_ctrl_c_is_one_sentence_and_continues(whole, tmp_path):
    out, status, said = stopped_by(signal.SIGINT, LOCAL, whole, 0.6, tmp_path)
    check_stopped(status, said)
    check_resumes(out, whole, tmp_path, *ALONE)


def check_stopped(status: int, said: str) -> None:
    assert status == 130, said
    assert "Traceback" not in said, said
    assert said.count("vidcl: ") == 1 and "the same command goes on" in said, said


@pytest.mark.full
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("options", [LOCAL, ALONE, RAY], ids=["local", "alone", "ray"])
def test_drivers_killed_at_random_moments_continue(options, whole, tmp_path):
    generator = np.random.default_rng(20)
    for number, moment in enumerate(generator.uniform(0.03, 0.97, MOMENTS)):
        folder = tmp_path / str(number)
        out, status, _ = stopped_by(signal.SIGKILL, options, whole, moment, folder)
        assert status == -signal.SIGKILL
        check_resumes(out, whole, folder, *ALONE)


@pytest.mark.full
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("options", [LOCAL, RAY], ids=["local", "ray"])
def test_one_store_survives_kill_after_kill(options, whole, tmp_path):
    """Each run is killed after its first new shard, or later by chance, and the next goes on."""
    out = tmp_path / "store"
    generator = np.random.default_rng(30)
    for number in range(MOMENTS):
        run = Run(tmp_path / f"run{number}", [whole.clips], out, *options)
        before = len(shards(out))
        try:
            run.until(lambda out=out, before=before: len(shards(out)) > before, "a shard")
        except AssertionError:
            assert run.wait().status == 0  # all shards are there
            break
        if run.delay(whole.seconds * float(generator.uniform(0, 0.2))):
            run.kill()
        run.wait()
    check_resumes(out, whole, tmp_path, *options)


@pytest.mark.full
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("options", [LOCAL, RAY], ids=["local", "ray"])
@pytest.mark.parametrize("seed", range(5))
def test_workers_killed_at_random_cost_nothing(options, seed, whole, tmp_path):
    kill_a_worker(options, whole, np.random.default_rng(100 + seed), tmp_path)


@pytest.mark.full
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("options", [LOCAL, ALONE, RAY], ids=["local", "alone", "ray"])
def test_ctrl_c_at_random_moments_continues(options, whole, tmp_path):
    generator = np.random.default_rng(40)
    for number, moment in enumerate(generator.uniform(0.05, 0.95, MOMENTS // 2)):
        folder = tmp_path / str(number)
        out, status, said = stopped_by(signal.SIGINT, options, whole, moment, folder)
        check_stopped(status, said)
        check_resumes(out, whole, folder, *ALONE)
