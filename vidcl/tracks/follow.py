"""From the frames of one segment to its tracks, in one pass and bounded memory."""

import math
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from vidcl.errors import VidclError
from vidcl.tracks.boxes import clip_boxes
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.detections import NO_DETECTIONS, DetectionFeed
from vidcl.tracks.given import GivenBoxes
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.base import Proposed
from vidcl.tracks.proposers.build import build_proposer
from vidcl.tracks.proposers.select import select
from vidcl.tracks.recorder import CropFunction, Recorder
from vidcl.tracks.regions import Region, Regions
from vidcl.tracks.shots.cuts import mark_cuts
from vidcl.tracks.track import SCORES, EndReason, Track
from vidcl.tracks.trackers.linking import EmbedRegions
from vidcl.video.frames import Frame


def follow(
    frames: Iterable[Frame],
    config: FollowConfig,
    cropper: CropFunction,
    *,
    given: GivenBoxes | None = None,
    seed: int = 0,
    whole_frames: bool = True,
    embed_regions: EmbedRegions | None = None,
    grid: tuple[float, float] | None = None,
) -> Iterator[Track]:
    """Yield the tracks of one segment, each as soon as it has ended.

    Every frame: cut? -> move the regions -> judge them -> propose new ones -> crop at the keep
    rate. No track crosses a shot cut or a damaged frame.

    Args:
        frames: at the follow rate, all of one size.
        cropper: cuts and packs a box, see ``vidcl.tracks.crops.Cropper``.
        given: boxes for the proposer and tracker ``given``.
        seed: of the random proposer, together with ``config.seed``; say, the segment's number.
        whole_frames: also yield one track of whole frames per shot.
        embed_regions: features for the tracker ``link``; None is its hand-made descriptor.
        grid: for a segment that begins in mid-video, the time at which the keep rate's ticks begin
            and the time at which the segment does (seconds): ticks before it are those of the
            segment before. None lets the ticks begin at the first frame.

    Raises:
        VidclError: ``given`` boxes are asked for and absent, or the tracker ``given`` is combined
            with another proposer or with boxes that have no identity.
    """
    if config.tracker == "given" and config.proposer not in ("given", "frame"):
        raise VidclError(
            f"The tracker 'given' needs the proposer 'given', not '{config.proposer}'."
        )
    if config.proposer == "given" and given is None:
        raise VidclError("The proposer 'given' needs a file of boxes for every video.")
    if config.proposer == config.tracker == "given" and given and len(given.detections):
        raise VidclError(
            "The tracker 'given' needs boxes that say which object they are: fill the column "
            "'object', or choose another tracker."
        )
    cv2.setNumThreads(1)  # the workers of an extraction share the cores
    following = _Following(config, cropper, given, seed, whole_frames, embed_regions, grid)
    for frame, is_cut in mark_cuts(frames):
        yield from following.take(frame, is_cut)
    yield from following.end("end")


class _Following:
    """The state between two frames."""

    def __init__(
        self,
        config: FollowConfig,
        cropper: CropFunction,
        given: GivenBoxes | None,
        seed: int,
        whole_frames: bool,
        embed_regions: EmbedRegions | None,
        grid: tuple[float, float] | None,
    ) -> None:
        self._config = config
        self._cropper = cropper
        self._given = given if config.proposer == "given" else None
        detections = self._given.detections if self._given is not None else NO_DETECTIONS
        self._detections = DetectionFeed(detections, config.propose_every)
        self._proposer = build_proposer(config, np.random.default_rng([config.seed, seed]))
        self._regions = Regions(config, embed_regions)
        self._wants_regions = config.proposer != "frame" and config.max_regions > 0
        self._scene = Scene(
            config.working_side,
            with_flow=self._wants_regions
            and (
                self._regions.needs_flow
                or (self._proposer is not None and self._proposer.needs_flow)
            ),
        )
        self._whole_frames = whole_frames
        self._shot = 0
        self._whole = self._new_whole()
        self._since_reset = 0
        self._first_time: float | None = None
        self._last_tick = -1
        if grid is not None and config.keep_rate is not None:
            self._first_time, start = grid
            self._last_tick = math.ceil((start - self._first_time) * config.keep_rate - 1e-3) - 1

    def take(self, frame: Frame, is_cut: bool) -> Iterator[Track]:
        """One frame in, and whether it begins a shot; the tracks that it ended out."""
        if frame.corrupt:
            yield from self.end("damage")
            return
        if is_cut:
            yield from self.end("cut")
            self._shot += 1
            self._whole = self._new_whole()
        keep = self._is_kept(frame.time)
        if self._wants_regions:
            yield from self._take_regions(frame, keep)
        if keep and self._whole_frames:
            yield from self._keep_whole(frame)
        self._since_reset += 1

    def end(self, reason: EndReason) -> Iterator[Track]:
        """End everything that is open; the next frame begins afresh."""
        for region in self._regions.remove(set(range(len(self._regions.members)))):
            yield from self._finish(region, reason)
        if len(self._whole):
            yield self._whole.finish(reason)
        self._scene.reset()
        self._detections.reset()
        if self._proposer is not None:
            self._proposer.reset()
        self._since_reset = 0

    def _take_regions(self, frame: Frame, keep: bool) -> Iterator[Track]:
        scene, regions = self._scene, self._regions
        scene.advance(frame.image)
        if self._config.tracker == "given":
            yield from self._place_given(frame.time)
        else:
            regions.move(scene)
            if self._config.tracker != "static" and regions.members:
                yield from self._end_some(regions.ended(scene))
        self._propose(frame.time)
        if not keep or not regions.members:
            return
        height, width = frame.image.shape[:2]
        boxes = clip_boxes(scene.to_source(regions.boxes), width, height)
        for k, region in enumerate(regions.members):
            scores = {name: float(regions.scores[name][k]) for name in SCORES}
            region.recorder.keep(frame, boxes[k], scores, self._cropper)
            region.mark_kept()
            if len(region.recorder) >= self._config.max_kept:
                yield region.finish("end")

    def _place_given(self, time: float) -> Iterator[Track]:
        """Put the regions where the file says; those it no longer has end."""
        assert self._given is not None
        now = self._given_now(time)
        names = [region.object_name for region in self._regions.members]
        gone: dict[int, EndReason] = {k: "given" for k, name in enumerate(names) if name not in now}
        yield from self._end_some(gone)
        kept = [now[name] for name in names if name is not None and name in now]
        self._regions.place(self._scene, np.array(kept).reshape(-1, 4))

    def _given_now(self, time: float) -> dict[str, np.ndarray]:
        """Boxes the file has at ``time``, working pixels, those with some area in the picture."""
        assert self._given is not None
        width, height = self._scene.size
        now: dict[str, np.ndarray] = {}
        for thing, box in zip(self._given.objects, self._given.at(time), strict=True):
            if box is None:
                continue
            inside = clip_boxes(self._scene.to_working(box[None]), width, height)[0]
            if (inside[2:] - inside[:2]).min() >= 1:
                now[thing.name] = inside
        return now

    def _propose(self, time: float) -> None:
        regions, scene, config = self._regions, self._scene, self._config
        if self._given is not None:
            self._start_given(time)
            return
        assert self._proposer is not None
        if len(regions.members) >= config.max_regions:
            return
        self._proposer.look(scene)
        # the first region of a shot that is found by its motion need not wait for its turn
        waits = regions.members or config.proposer not in ("motion", "combined")
        if waits and self._since_reset % config.propose_every:
            return
        boxes = select(self._proposer.propose(scene), regions.boxes, scene, config)
        regions.add(scene, boxes, [self._new_region(None) for _ in boxes])

    def _start_given(self, time: float) -> None:
        """Begin the named boxes that are not followed, then boxes without names apart from them."""
        regions, scene, config = self._regions, self._scene, self._config
        # a box lost by a tracker may come back, but not in every frame
        if config.tracker == "given" or not self._since_reset % config.propose_every:
            taken = {region.object_name for region in regions.members}
            now = self._given_now(time)
            fresh = [name for name in now if name not in taken]
            fresh = fresh[: max(0, config.max_regions - len(regions.members))]
            boxes = np.array([now[name] for name in fresh]).reshape(-1, 4)
            regions.add(scene, boxes, [self._new_region(name) for name in fresh])
        found = clip_boxes(scene.to_working(self._detections.take(time)), *scene.size)
        if len(found):
            detected = Proposed(found, np.zeros(len(found)))
            boxes = select(detected, regions.boxes, scene, config)
            regions.add(scene, boxes, [self._new_region(None) for _ in boxes])

    def _new_region(self, name: str | None) -> Region:
        config = self._config
        return Region(Recorder("region", config.proposer, config.tracker, self._shot, name), name)

    def _new_whole(self) -> Recorder:
        return Recorder("frame", "frame", "frame", self._shot)

    def _keep_whole(self, frame: Frame) -> Iterator[Track]:
        height, width = frame.image.shape[:2]
        box = np.array([0, 0, width, height], dtype=np.float64)
        self._whole.keep(frame, box, dict.fromkeys(SCORES, 1.0), self._cropper)
        if len(self._whole) >= self._config.max_kept:
            yield self._whole.finish("end")

    def _end_some(self, reasons: dict[int, EndReason]) -> Iterator[Track]:
        removed = self._regions.remove(set(reasons))
        for region, index in zip(removed, sorted(reasons), strict=True):
            yield from self._finish(region, reasons[index])

    def _finish(self, region: Region, reason: EndReason) -> Iterator[Track]:
        shortest = 1 if region.object_name is not None else self._config.min_kept
        if len(region.recorder) - region.unsure >= shortest:
            yield region.finish(reason)

    def _is_kept(self, time: float) -> bool:
        """Whether a frame is the first at or after a tick of the keep rate."""
        if self._config.keep_rate is None:
            return True
        if self._first_time is None:
            self._first_time = time
        tick = math.floor((time - self._first_time) * self._config.keep_rate + 1e-3)
        is_new = tick > self._last_tick
        self._last_tick = max(tick, self._last_tick)
        return is_new
