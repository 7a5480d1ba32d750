"""Measure the trackers on sequences with ground truth: first box given, never restarted.

    python benchmarks/tracking.py DATA [--trackers flow_cf flow static] [--working-side 160]

DATA holds one folder per sequence, at any depth, with ``groundtruth.txt`` (x, y, w, h per line)
and either ``video.mp4`` or the frames under ``img/``. Printed per tracker: success AUC (mean over
21 thresholds of the share of frames above, then over sequences), the share of frames with IoU
above 0.5, and milliseconds per frame with 1 and with 8 regions on one core.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from vidcl.tracks.boxes import iou
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.trackers.build import build_tracker
from vidcl.video.reader import VideoReader


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--trackers", nargs="+", default=["flow_cf", "flow", "static"])
    parser.add_argument("--working-side", type=int, default=160)
    parser.add_argument("--per-sequence", action="store_true")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    folders = sorted(path.parent for path in arguments.data.rglob("groundtruth.txt"))
    print("| tracker | AUC | IoU > 0.5 | ms/frame, 1 region | ms/frame, 8 regions |")
    print("|---|---|---|---|---|")
    for name in arguments.trackers:
        rows, one, eight = [], [], []
        for folder in folders:
            overlaps, seconds = run(folder, name, arguments.working_side, copies=1)
            rows.append((folder.name, success_auc(overlaps), float((overlaps > 0.5).mean())))
            one.append(seconds)
            eight.append(run(folder, name, arguments.working_side, copies=8)[1])
        auc, share = np.mean([row[1:] for row in rows], axis=0)
        print(
            f"| {name} | {auc:.3f} | {share:.3f} | {1e3 * np.mean(one):.1f} "
            f"| {1e3 * np.mean(eight):.1f} |",
            flush=True,
        )
        if arguments.per_sequence:
            for label, auc, share in rows:
                print(f"|   {label} | {auc:.3f} | {share:.3f} | | |", flush=True)


def run(folder: Path, tracker: str, side: int, copies: int) -> tuple[np.ndarray, float]:
    """IoU per frame after the first, and seconds per frame; ``copies`` of the region are followed
    (to time a batch: all but the first are shifted by a few pixels)."""
    truth = read_boxes(folder)
    follower = build_tracker(tracker)  # type: ignore[arg-type]
    scene = Scene(side, with_flow=follower.needs_flow)
    shifts = 3.0 * np.arange(copies)[:, None] * np.array([1, 0, 1, 0])
    overlaps, spent = [], 0.0
    boxes = np.zeros((0, 4))
    for index, image in enumerate(read_frames(folder)):
        started = time.perf_counter()
        scene.advance(image)
        if index == 0:
            boxes = scene.to_working(truth[:1] + shifts)
            follower.add(scene, boxes)
        else:
            boxes = follower.step(scene, boxes).boxes
        spent += time.perf_counter() - started
        if index > 0 and index < len(truth):
            overlaps.append(iou(scene.to_source(boxes[:1]), truth[index : index + 1])[0, 0])
    return np.array(overlaps), spent / len(truth)


def success_auc(overlaps: np.ndarray) -> float:
    """Mean over the thresholds 0, 0.05 .. 1 of the share of frames whose IoU exceeds it."""
    thresholds = np.linspace(0, 1, 21)
    return float((overlaps[:, None] > thresholds[None, :]).mean())


def read_boxes(folder: Path) -> np.ndarray:
    """Ground truth as float64 [T, 4], xyxy, counted from 0."""
    text = (folder / "groundtruth.txt").read_text().replace(",", " ").replace("\t", " ")
    values = np.array([[float(v) for v in line.split()] for line in text.splitlines() if line])
    if folder.name.startswith("otb"):  # OTB counts pixels from 1
        values[:, :2] -= 1
    return np.concatenate([values[:, :2], values[:, :2] + values[:, 2:]], axis=1)


def read_frames(folder: Path) -> Iterator[np.ndarray]:
    """uint8 [H, W, 3] RGB, in order."""
    video = folder / "video.mp4"
    if video.exists():
        with VideoReader(video) as reader:
            for frame in reader.frames():
                yield frame.image
        return
    for path in sorted((folder / "img").iterdir()):
        image = cv2.imread(str(path))
        if image is None:
            raise SystemExit(f"{path} is not a picture; remove it.")
        yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


if __name__ == "__main__":
    main()
