"""Frames at a low rate and a small size out of real videos: time per clip, library by library.

    python benchmarks/decode.py DATA
    python benchmarks/decode.py DATA --repeats 3 --out decode.json --markdown decode.md

DATA is a folder of videos at any depth, or one video. One thread on one core: the process is bound
to it. Contestants take turns, each time from opening the file to the last array of frames, and the
median of the repeats counts (five times as many where a clip takes milliseconds); ratios are of
processor time, which other users of the machine disturb least, and the wall clock's stand in the
JSON and in the summary. What each contestant gives in its first turn is compared with the
reference: as many frames, at the same times, with the same pictures. Whoever does not give them is
named in the table instead of timed.

The clips: every real one (H.264 in the first table, all others in the second), and all long H.264
clips encoded anew with a keyframe every half second, and as Motion JPEG, where each wanted time has
a frame that needs no other; there only PyAV and vidcl take turns. "Dense" asks for every frame. A
run that was stopped goes on with the same --out; clips that are in it are not run again.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, or as a module

from benchmarks.decode_clips import ANEW, clips_in, encode
from benchmarks.decode_table import markdown
from benchmarks.decode_turns import measured, warm_up
from benchmarks.decoders import CONTESTANTS, load_all
from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.progress import show_progress
from vidcl.tracks.quality.results import FORMAT, load_results, provenance, save_results
from vidcl.video.writer import write_video

#: A clip that takes longer than this with all contestants is given up.
TIMEOUT = 600.0
#: Who takes turns on clips encoded anew.
ON_ANEW = ("plain PyAV", "vidcl exact", "vidcl tolerance")


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    names = [name for name in load_all() if name in options.contestants]
    settings = {key: getattr(options, key) for key in ("rates", "short_side", "repeats", "dense")}
    results = fresh = {"format": FORMAT, "settings": settings | {"contestants": names}, "clips": []}
    if options.out:
        results = fresh | load_results(options.out, fresh["settings"])
    results.setdefault("provenance", provenance() | {"load": []})
    known = {(row["clip"], row["group"]) for row in results["clips"]}
    clips = clips_in(options.data, options.encode)
    with (
        tempfile.TemporaryDirectory() as folder,
        show_progress("decode", unit="clips") as progress,
    ):
        small = Path(folder) / "small.mp4"
        ramp = np.arange(128 * 96 * 3, dtype=np.uint16).reshape(96, 128, 3) // 160
        write_video(small, [(ramp + k).astype(np.uint8) for k in range(12)], rate=10)
        for number, clip in enumerate(clips):
            if (clip.path.name, clip.group) in known:
                continue
            path, taking, dense = clip.path, names, options.dense
            if clip.group in ANEW:
                path = Path(folder) / f"{clip.group}{ANEW[clip.group]}"
                encode(clip.path, path, clip.group)
                taking, dense = [name for name in names if name in ON_ANEW], False
            results["provenance"]["load"].append(os.getloadavg()[0])
            row = apart(
                small, path, taking, options.rates, dense, options.short_side, options.repeats
            )
            results["clips"].append({"clip": clip.path.name, "group": clip.group, **row})
            save(results, options)
            progress(number + 1, len(clips))
    print(markdown(results))
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("data", type=Path, nargs="+")
    add("--rates", type=float, nargs="+", default=[2.0], help="frames per second")
    add("--short-side", type=int, default=256)
    add("--repeats", type=int, default=3)
    add("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    add("--no-dense", dest="dense", action="store_false", help="leave out every frame")
    add("--no-encode", dest="encode", action="store_false", help="leave out clips encoded anew")
    add("--out", type=Path, help="keep the numbers here; what is in it is not run again")
    add("--markdown", type=Path, help="write the tables here as well")
    return parser.parse_args(arguments)


def save(results: dict[str, Any], options: argparse.Namespace) -> None:
    if options.out:
        save_results(options.out, results)
    if options.markdown:
        write_atomic(options.markdown, (markdown(results) + "\n").encode())


def apart(*request: Any) -> dict[str, Any]:
    """``measured`` in a forked process, since a decoder may hang in native code or crash."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, *request))
    process.start()
    theirs.close()
    try:
        if not ours.poll(TIMEOUT):
            return {"fault": f"no end within {TIMEOUT:.0f} s"}
        row: dict[str, Any] = ours.recv()
        return row
    except EOFError:
        process.join()
        return {"fault": f"the process died with status {process.exitcode}"}
    finally:
        process.kill()
        process.join()


def _child(pipe: Connection, small: Path, path: Path, names: list[str], *request: Any) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    warm_up(small, names)
    try:
        pipe.send(measured(path, names, *request))
    except VidclError as error:
        # The name stands beside it.
        words = str(error).removeprefix(f"{path}: ")
        pipe.send({"fault": words.replace(str(path), path.name)})


if __name__ == "__main__":
    sys.exit(main())
