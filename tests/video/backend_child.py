"""Reads files with one decoder in a process of its own, which may hang or die alone.

A path, the name of an array file to write and an output size come in as one JSON line each; what
came of it goes out as one JSON line. Run as ``python -m tests.video.backend_child decord``.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.video.open import open_video

#: What is asked for besides all frames.
RATE = 6.0
SPAN = (0.4, 1.2)


class Child:
    """The process from outside; it is started when asked and again after a hang or a crash."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self._process: subprocess.Popen[str] | None = None

    def ask(self, path: Path, out: Path, side: int, timeout: float) -> dict[str, Any]:
        """What reading ``path`` gave; ``died`` or ``hung`` where there was no answer."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.video.backend_child", self.backend],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[2],
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
            # Imports may take long on a busy machine, and are no decoder's fault.
            if "ready" not in (self._answer(120.0) or {}):
                self.close()
                return {"hung": "while it was imported"}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(path), str(out), side]) + "\n")
        self._process.stdin.flush()
        answer = self._answer(timeout)
        if answer is None:
            self.close()
            return {"hung": f"no answer within {timeout:.0f} s"}
        return answer

    def _answer(self, timeout: float) -> dict[str, Any] | None:
        """The next line, or None where none comes in time."""
        assert self._process is not None and self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], timeout)[0]:
            return None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._process = None
            return {"died": f"status {code}"}
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def read(backend: Any, path: str, out: str, side: int) -> dict[str, Any]:
    """All frames of a file, some of them twice over, and how it ended."""
    try:
        with open_video(path, backend=backend, max_side=side) as reader:
            frames = list(reader.frames())
            result, info = reader.result, reader.info
            if result.error is not None:
                return {"kind": result.error.kind, "text": str(result.error), "late": len(frames)}
            start = info.start
            sparse = list(reader.frames(rate=RATE))
            spans = list(reader.frames(start=start + SPAN[0], end=start + SPAN[1]))
            shown = list(
                reader.at([start - 1, start + 0.31, start + 0.31, start + 0.9, start + 1e6])
            )
            whole = {frame.time: frame.image for frame in frames}
            for again in (sparse, spans, shown):
                for frame in again:
                    if not np.array_equal(whole[frame.time], frame.image):
                        return {"kind": "changed", "text": f"at {frame.time} it gave two frames"}
    except VidclError as error:
        return {"kind": getattr(error, "kind", "error"), "text": str(error)}
    np.save(out, np.stack([frame.image for frame in frames]))
    return {
        "times": [frame.time for frame in frames],
        "corrupt": sum(frame.corrupt for frame in frames),
        "sparse": [frame.time for frame in sparse],
        "spans": [frame.time for frame in spans],
        "shown": [frame.time for frame in shown],
        "reason": result.reason,
        "size": [info.width, info.height],
        "backend": f"{info.backend} {info.backend_version}",
    }


def main() -> None:
    backend = sys.argv[1]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a decoder prints is no answer
    with contextlib.suppress(ImportError):
        __import__("av" if backend == "pyav" else backend)
    print(json.dumps({"ready": backend}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(read(backend, *json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
