"""One clip in every coding and every kind of damage, read by every decoder.

    python benchmarks/codec_matrix.py DATA
    python benchmarks/codec_matrix.py DATA --out matrix.json --markdown matrix.md

DATA is a folder of encodings of one clip with ``manifest.json`` (per file: frames and times that a
plain decode gave) and ``ref_thumbs.npz`` (uint8 [N, h, w, 3], the clip's own pictures, small). Each
cell of the table says how many frames a decoder gave, how far their times lie from the manifest's
at most, and the PSNR of the pictures against the clip's; or that it refused the file or failed,
and how. Decoders that are no part of vidcl (OpenCV) stand beside it as their users see them. Every
cell is filled by a process of its own with a limit of time.
"""

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, or as a module

from benchmarks.decoders import load_all
from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.tracks.quality.results import provenance
from vidcl.video.errors import VideoError
from vidcl.video.open import open_video

#: Frames, their times, how many of them are marked as damaged, and the error after them.
Read = tuple[list[np.ndarray], list[float], int, VideoError | None]
#: PSNR of identical pictures.
IDENTICAL = 99.0


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    installed = load_all()
    readers = {name: read for name, read in READERS.items() if USES.get(name, name) in installed}
    entries, thumbs = load(options.data)
    results: dict[str, Any] = {"provenance": provenance(), "files": []}
    for entry in entries:
        row: dict[str, Any] = {"file": entry["file"], "expected": entry["frames_decoded_pyav"]}
        for name, read in readers.items():
            row[name] = apart(read, options.data / entry["file"], entry, thumbs, options.timeout)
        results["files"].append(row)
    if options.out:
        write_atomic(options.out, (json.dumps(results, indent=1) + "\n").encode())
    text = markdown(results, list(readers))
    if options.markdown:
        write_atomic(options.markdown, (text + "\n").encode())
    print(text)
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds per cell")
    parser.add_argument("--out", type=Path, help="write the numbers here as JSON")
    parser.add_argument("--markdown", type=Path, help="write the table here as well")
    return parser.parse_args(arguments)


def load(folder: Path) -> tuple[list[dict[str, Any]], np.ndarray]:
    """The manifest's entries, and the clip's own pictures.

    Raises:
        VidclError: the folder holds no such files.
    """
    try:
        entries = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        thumbs = np.load(folder / "ref_thumbs.npz")["thumbs"]
    except OSError as error:
        raise VidclError(
            f"{folder} lacks manifest.json or ref_thumbs.npz ({error}); give a codec matrix."
        ) from error
    return entries, thumbs


def by_vidcl(backend: Any) -> Callable[[Path], Read]:
    def read(path: Path) -> Read:
        with open_video(path, backend=backend) as reader:
            frames = list(reader.frames())
            images, times = [f.image for f in frames], [f.time for f in frames]
            return images, times, sum(f.corrupt for f in frames), reader.result.error

    return read


def by_opencv(path: Path) -> Read:
    images, times = [], []
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise VideoError("not opened", "not opened")
    while True:
        good, image = capture.read()
        if not good:
            break
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        images.append(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    return images, times, 0, None


READERS: dict[str, Callable[[Path], Read]] = {
    "pyav": by_vidcl("pyav"),
    "decord": by_vidcl("decord"),
    "torchcodec": by_vidcl("torchcodec"),
    "OpenCV": by_opencv,
}
#: What has to be installed for a reader, where it has another name.
USES = {"pyav": "plain PyAV"}


def apart(
    read: Callable[[Path], Read],
    path: Path,
    entry: dict[str, Any],
    thumbs: np.ndarray,
    timeout: float,
) -> dict[str, Any]:
    """``cell`` in a forked process."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, read, path, entry, thumbs))
    process.start()
    theirs.close()
    try:
        if not ours.poll(timeout):
            return {"error": f"no end within {timeout:.0f} s"}
        found: dict[str, Any] = ours.recv()
        return found
    except EOFError:
        process.join()
        return {"error": f"died with status {process.exitcode}"}
    finally:
        process.kill()
        process.join()


def _child(
    pipe: Connection,
    read: Callable[[Path], Read],
    path: Path,
    entry: dict[str, Any],
    thumbs: np.ndarray,
) -> None:
    # Native messages would fall between the lines of the table.
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    pipe.send(cell(read, path, entry, thumbs))


def cell(
    read: Callable[[Path], Read], path: Path, entry: dict[str, Any], thumbs: np.ndarray
) -> dict[str, Any]:
    """What one reader makes of one file.

    Returns:
        ``error`` (its kind), or ``frames``, ``off`` (seconds from the manifest's times at most)
        and ``psnr`` in dB (mean and lowest over frames), with ``marked`` (frames said to be
        damaged) and ``ended`` (a kind of error) where reading stopped before the end.
    """
    try:
        images, times, marked, error = read(path)
    except VideoError as refusal:
        return {"error": refusal.kind, "text": str(refusal)}
    if not images:
        return {"error": error.kind if error else "no frame"}
    count = min(len(times), len(entry["pts"]))
    off = np.abs(np.subtract(times[:count], entry["pts"][:count])).max() if count else None
    found = {"frames": len(images), "off": float(off) if off is not None else None}
    values = [
        psnr(stored(image, entry["rotation"] or 0), own)
        for image, own in zip(images, thumbs, strict=False)
    ]
    found["psnr"] = [float(np.mean(values)), min(values)]
    if marked:
        found["marked"] = marked
    if error is not None:
        found["ended"] = error.kind
    return found


def stored(image: np.ndarray, rotation: int) -> np.ndarray:
    """The pictures of turned files are stored upright: turn back what was turned for display."""
    return np.ascontiguousarray(np.rot90(image, -rotation // 90)) if rotation else image


def psnr(image: np.ndarray, own: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of a picture, made as small as the clip's own; 0 where its
    shape is another."""
    height, width = own.shape[:2]
    if abs(image.shape[1] / image.shape[0] - width / height) > 0.05:
        return 0.0
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    error = float(np.square(small.astype(np.float64) - own).mean())
    return min(IDENTICAL, 10 * np.log10(255**2 / error)) if error else IDENTICAL


def markdown(results: dict[str, Any], names: list[str]) -> str:
    """One row per file: frames, largest gap of the times, PSNR (lowest); or what went wrong."""
    heads = ["file", "frames there", *names]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in results["files"]:
        cells = [row["file"], str(row["expected"]), *(_words(row[name]) for name in names)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _words(found: dict[str, Any]) -> str:
    if "error" in found:
        return f"*{found['error']}*"
    words = [f"{found['frames']} frames"]
    if found["off"] is not None and found["off"] > 1.5e-3:
        words.append(f"times off by {found['off']:.3g} s")
    words.append(f"{found['psnr'][0]:.1f} ({found['psnr'][1]:.1f}) dB")
    if "marked" in found:
        words.append(f"{found['marked']} marked as damaged")
    if "ended" in found:
        words.append(f"then *{found['ended']}*")
    return ", ".join(words)


if __name__ == "__main__":
    sys.exit(main())
