"""Run ``vidcl extract`` as a user does, in a process group of its own that a test may hurt."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.hurt.processes import (
    Process,
    alive,
    at_work_in,
    descendants,
    opened,
    peak_memory,
    send,
    wait_until,
)

#: Options of all runs: cheap crops, many small shards.
CHEAP = (
    "--follow.proposer", "grid", "--follow.tracker", "flow", "--follow.max-regions", "3",
    "--crop.canvas", "32", "--segment-seconds", "3", "--segments-per-shard", "2",
)  # fmt: skip
#: Where it runs: two workers, one, or two of Ray's on a cluster of its own.
LOCAL = ("--engine", "local", "--workers", "2")
ALONE = ("--engine", "local", "--workers", "1")
RAY = ("--engine", "ray", "--workers", "2")
#: Seconds after which a run that should end is taken to hang.
HANGS = 240.0
#: Seconds that processes get to follow a parent that was killed.
FOLLOWS = 30.0
#: Those that Ray's agents get: where the driver dies while Ray starts, they notice it after a
#: minute and more.
AGENTS_FOLLOW = 240.0


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        status: exit status, negative for a signal.
        out, error: what it wrote on standard output and on standard error.
        memory: bytes of the largest of its processes.
    """

    status: int
    out: str
    error: str
    memory: int

    def sentence(self) -> str:
        """The one sentence that a refused run says, without its name.

        Raises:
            AssertionError: it said something else, or a traceback.
        """
        self.check_quiet()
        said = [line for line in self.error.splitlines() if line.startswith("vidcl: ")]
        assert len(said) == 1, f"not one sentence: {self.error!r}"
        return said[0].removeprefix("vidcl: ")

    def check_quiet(self) -> None:
        """Neither a traceback nor a native library's messages reach the user.

        Raises:
            AssertionError: they did.
        """
        for text in (self.out, self.error):
            assert "Traceback" not in text, text
            assert " @ 0x" not in text, text
        strange = [line for line in self.error.splitlines() if line and not _expected(line)]
        assert not strange, strange


def _is_agent(words: str) -> bool:
    """Whether a process is one of Ray's two agents, by its title or, before that, its program."""
    return "Agent" in words or "/agent/main.py" in words or "/dashboard/agent.py" in words


class Run:
    """One ``vidcl extract``, started at once. Its working directory is ``folder``, by which its
    processes are known whoever adopts them; its temporary files lie in it too."""

    def __init__(
        self,
        folder: Path,
        sources: Sequence[Path | str],
        out: Path,
        *options: str,
        largest_file: int | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        (self.folder / "tmp").mkdir(exist_ok=True)
        self._out, self._error = self.folder / "out.txt", self.folder / "error.txt"
        words = [*prefix, sys.executable, "-m", "vidcl.cli", "extract", *map(str, sources)]
        words += ["--out", str(out), *CHEAP, *options]
        with open(self._out, "wb") as told, open(self._error, "wb") as wrong:
            self.process = subprocess.Popen(
                words,
                cwd=self.folder,
                env=_environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=wrong,
                start_new_session=True,
                preexec_fn=None if largest_file is None else _limit(largest_file),
            )
        self.started = time.monotonic()
        self._seen: dict[tuple[int, int], Process] = {}
        self.memory = 0
        self._with_ray = "ray" in options

    def look(self) -> list[Process]:
        """The run's processes now, without the driver; all that were ever seen are remembered."""
        there = {(p.pid, p.born): p for p in (*descendants(self.process.pid), *self._adopted())}
        self._seen |= there
        for pid in (self.process.pid, *(pid for pid, _ in there)):
            self.memory = max(self.memory, peak_memory(pid))
        return list(there.values())

    def workers(self) -> list[Process]:
        """Processes that extract: of the pool or of Ray, and their own children."""
        kin = [p for p in self.look() if "resource_tracker" not in p.words]
        if not self._with_ray:
            return kin
        busy = [p for p in kin if p.words.startswith("ray::") and not _of_the_node(p.words)]
        return [*busy, *(child for worker in busy for child in descendants(worker.pid))]

    def reading(self, path: Path) -> list[Process]:
        """Processes of the run that have ``path`` open."""
        return opened(self.folder, path)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a moment of the run.

        Raises:
            AssertionError: the run ended before, or hangs.
        """

        def there() -> bool:
            if condition():
                return True
            ended = self.process.poll()
            assert ended is None, f"ended ({ended}) before {what}: {self._error.read_text()}"
            return False

        wait_until(there, HANGS, what)

    def delay(self, seconds: float) -> bool:
        """Let the run go on until so long after its start; whether it still runs then."""
        rest = seconds - (time.monotonic() - self.started)
        try:
            self.process.wait(max(rest, 0.0))
        except subprocess.TimeoutExpired:
            return True
        return False

    def kill(self) -> None:
        """SIGKILL for the driver alone."""
        self.look()
        self.process.kill()
        self.process.wait()

    def signal_group(self, number: signal.Signals) -> None:
        """A signal for the driver's process group, as a terminal's Ctrl-C."""
        self.look()
        os.killpg(self.process.pid, number)

    def freeze(self) -> None:
        """Stop the driver, so that a test may act at this very moment of the run."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def wait(self, seconds: float = HANGS) -> Ended:
        """Watch the run until it ends, and take care that nothing of it is left over.

        Raises:
            AssertionError: it did not end, or processes of it live on.
        """
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            self.look()
            if time.monotonic() > deadline:
                self._end()
                raise AssertionError(f"hangs: {self._error.read_text()}")
            time.sleep(0.05)
        self.check_gone()
        out, error = (path.read_text(errors="replace") for path in (self._out, self._error))
        return Ended(self.process.returncode, out, error, self.memory)

    def check_gone(self) -> None:
        """Every process of the run ends soon after its driver.

        Raises:
            AssertionError: names those that do not, and ends them.
        """
        ended = time.monotonic()
        while left := [*alive(list(self._seen.values())), *self._adopted()]:
            patience = AGENTS_FOLLOW if all(_is_agent(p.words) for p in left) else FOLLOWS
            if time.monotonic() > ended + patience:
                self._end()
                raise AssertionError(f"left over: {sorted({p.words for p in left})}")
            time.sleep(0.05)

    def _adopted(self) -> list[Process]:
        return [p for p in at_work_in(self.folder) if p.pid != self.process.pid]

    def _end(self) -> None:
        """End what this run started, so that one failed test does not disturb the next."""
        send(signal.SIGKILL, [*self._seen.values(), *self._adopted()])
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def extract(folder: Path, sources: Sequence[Path | str], out: Path, *options: str) -> Ended:
    """An undisturbed run, to its end."""
    return Run(folder, sources, out, *options).wait()


def _environment(folder: Path) -> dict[str, str]:
    own = {"HOME": str(folder), "TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"}
    # the path of a socket has at most 107 bytes, and a test's folder may have more
    own["RAY_TMPDIR"] = tempfile.gettempdir()
    dropped = ("RAY_ADDRESS", "PYTEST_CURRENT_TEST")
    return {**{k: v for k, v in os.environ.items() if k not in dropped}, **own}


def _limit(largest_file: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))


def _of_the_node(words: str) -> bool:
    """Idle workers, and Ray's agents, without which a node ends."""
    return "IDLE" in words or "Agent" in words


def _expected(line: str) -> bool:
    return line.startswith(("vidcl: ", "note: ", "extract: "))
