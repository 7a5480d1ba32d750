"""Find every process of a run, also those that were adopted, and wait until they are gone."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process that lived when it was looked at.

    Attributes:
        pid, parent: numbers of the process and of its parent.
        born: clock ticks after boot at which it began; with the pid it names one process for ever.
        state: of the kernel: R, S, D, Z, ...
        words: its command line.
    """

    pid: int
    parent: int
    born: int
    state: str
    words: str


def all_processes() -> list[Process]:
    """Every process of this machine that can be read; zombies are left out."""
    found = (_read(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [process for process in found if process is not None]


def descendants(pid: int) -> list[Process]:
    """The process's children, and theirs, in order of age."""
    everyone = all_processes()
    family = {pid}
    grown = True
    while grown:
        young = {process.pid for process in everyone if process.parent in family} - family
        grown = bool(young)
        family |= young
    own = [process for process in everyone if process.pid in family - {pid}]
    return sorted(own, key=lambda process: (process.born, process.pid))


def at_work_in(folder: Path) -> list[Process]:
    """Processes whose working directory is ``folder``: children inherit it whoever adopts them."""
    return [process for process in all_processes() if _working_directory(process.pid) == folder]


def alive(processes: list[Process]) -> list[Process]:
    """Those that still live, told from later ones of the same number by their birth."""
    now = {(process.pid, process.born) for process in all_processes()}
    return [process for process in processes if (process.pid, process.born) in now]


def opened(folder: Path, path: Path) -> list[Process]:
    """Processes at work in ``folder`` that have ``path`` open."""
    return [process for process in at_work_in(folder) if _has_open(process.pid, path)]


def peak_memory(pid: int) -> int:
    """Bytes of the process's largest resident set so far; 0 when it has gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    peak = next((line for line in lines if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return 1024 * int(peak.split()[1])


def send(number: signal.Signals, processes: list[Process]) -> None:
    """A signal for those that still live."""
    for process in alive(processes):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Poll until ``condition()`` is true.

    Raises:
        AssertionError: it never was within ``seconds``; names ``what``.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.01)


def _read(pid: int) -> Process | None:
    try:
        # the name in brackets may hold anything, also brackets
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (OSError, UnicodeDecodeError):
        return None
    process = Process(pid, int(status[1]), int(status[19]), status[0], words)
    return None if process.state in "ZX" else process


def _working_directory(pid: int) -> Path | None:
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd"))
    except OSError:
        return None


def _has_open(pid: int, path: Path) -> bool:
    try:
        handles = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    return any(_target(pid, handle) == str(path) for handle in handles)


def _target(pid: int, handle: str) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/fd/{handle}")
    except OSError:
        return None
