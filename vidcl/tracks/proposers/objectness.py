"""What looks like an object in one picture: selective search and Edge Boxes."""

from typing import Any

import cv2
import numpy as np

from vidcl.tracks.boxes import fits, suppress
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.base import Proposed
from vidcl.tracks.proposers.edges import EdgeMap, edge_map
from vidcl.tracks.proposers.ranking import background, enclosure, relative
from vidcl.tracks.proposers.select import MAX_IOU

#: Short side in pixels of the copy that is searched. Recall among the best 16 was no worse than
#: at 160 for half the time.
SIDE = 120
#: Followed frames after which a shot may be searched again.
RENEW = 24
#: No more boxes are handed on.
MOST = 64
#: Smallest region scale of selective search's first segmentation, and the step to the next two.
REGION_SCALE = 100
#: Edge Boxes: neighbouring windows overlap so much. At the customary 0.65 the search took twice as
#: long and its best 16 were no better.
WINDOW_OVERLAP = 0.55
#: Boxes that Edge Boxes ranks, before those of the wrong size are left out.
WINDOWS = 300


class Searching:
    """What proposers share that search single pictures, which is too dear to do often.

    The first ``propose`` of a shot searches, and so does the first one ``RENEW`` followed frames
    after a search. In between there is nothing: the world has moved on under the boxes found.
    """

    needs_flow = False

    def __init__(self, limits: FollowConfig) -> None:
        self._limits = limits
        self.reset()

    def reset(self) -> None:
        self._found = _NOTHING
        self._age: int | None = None

    def look(self, scene: Scene) -> None:
        if self._age is not None:
            self._age += 1

    def is_due(self) -> bool:
        """Whether the current frame is to be searched, or was."""
        return self._age is None or self._age == 0 or self._age >= RENEW

    def propose(self, scene: Scene) -> Proposed:
        return best(self.candidates(scene))

    def candidates(self, scene: Scene) -> Proposed:
        """All boxes of allowed size and shape, scored, overlapping as they may, best first."""
        if not self.is_due():
            return _NOTHING
        if self._age != 0:
            self._found, self._age = self._search_allowed(scene), 0
        return self._found

    def _search_allowed(self, scene: Scene) -> Proposed:
        width, height = scene.size
        share = min(1.0, SIDE / min(width, height))
        small = scene.picture
        if share < 1:
            size = (round(width * share), round(height * share))
            small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
        scale = np.array([small.shape[1] / width, small.shape[0] / height] * 2)
        edges = edge_map(small)
        boxes, scores = self._search(small, edges)
        chosen = allowed(boxes / scale, scene, self._limits)
        boxes, scores = boxes[chosen], scores[chosen]
        total = relative(enclosure(edges, boxes))
        if scores.any():
            total = 0.5 * total + 0.5 * relative(scores)
        order = np.argsort(-total, kind="stable")
        return Proposed(boxes[order] / scale, total[order])

    def _search(self, picture: np.ndarray, edges: EdgeMap) -> tuple[np.ndarray, np.ndarray]:
        """Boxes float64 [N, 4] and the search's own scores [N], zeros if it has none."""
        raise NotImplementedError


class SelectiveSearchProposer(Searching):
    """Selective search "fast" (Uijlings et al. 2013), ranked by the contours that boxes enclose.

    Its own order is drawn at random (from the C library, which nobody can seed here), but the set
    of boxes is not, so they are sorted before they are ranked. Of the rankings tried on it - size,
    colour contrast to the surround, superpixel straddling, edge density along the border (Alexe et
    al. 2012), enclosed contour - the last found most objects.
    """

    def _search(self, picture: np.ndarray, edges: EdgeMap) -> tuple[np.ndarray, np.ndarray]:
        search: Any = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
        search.setBaseImage(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        search.switchToSelectiveSearchFast(REGION_SCALE, REGION_SCALE)
        boxes = _corners(search.process())
        return boxes[np.lexsort(boxes.T)], np.zeros(len(boxes))


class EdgeBoxesProposer(Searching):
    """Edge Boxes (Zitnick & Dollar 2014) on ``edge_map``, ranked half by its own score, half by
    the contours that boxes enclose. Its own score alone found fewer objects by looks, and the
    contours alone fewer in company with motion."""

    def _search(self, picture: np.ndarray, edges: EdgeMap) -> tuple[np.ndarray, np.ndarray]:
        shortest = self._limits.min_side * min(picture.shape[:2])
        search: Any = cv2.ximgproc.createEdgeBoxes(
            alpha=WINDOW_OVERLAP,
            maxBoxes=WINDOWS,
            maxAspectRatio=self._limits.max_aspect,
            minBoxArea=max(1.0, shortest**2),
        )
        found, scores = search.getBoundingBoxes(edges.strength, edges.normal)
        if not len(found):
            return np.zeros((0, 4)), np.zeros(0)
        boxes, scores = _corners(found), np.asarray(scores, np.float64).reshape(-1)
        sound = scores > 0  # without edges all windows score nothing
        return boxes[sound], scores[sound]


def allowed(boxes: np.ndarray, scene: Scene, limits: FollowConfig) -> np.ndarray:
    """Which boxes, float64 [N, 4] in working pixels, may be objects by size, shape and place."""
    width, height = scene.size
    fitting = fits(
        boxes,
        width,
        height,
        min_side=limits.min_side,
        max_area=limits.max_area,
        max_aspect=limits.max_aspect,
    )
    return fitting & ~background(boxes, width, height)


def best(candidates: Proposed) -> Proposed:
    """The candidates less those that overlap a better one, at most ``MOST``."""
    order = suppress(candidates.boxes, candidates.scores, MAX_IOU)[:MOST]
    return Proposed(candidates.boxes[order], candidates.scores[order])


def _corners(found: np.ndarray) -> np.ndarray:
    """Boxes x, y, width, height as float64 [N, 4] xyxy."""
    boxes = np.asarray(found, np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


_NOTHING = Proposed(np.zeros((0, 4)), np.zeros(0))
