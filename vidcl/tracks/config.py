"""What to propose, how to follow it, and when to stop."""

from typing import Literal

from pydantic import Field

from vidcl.config import Config

ProposerName = Literal[
    "motion", "selective_search", "edge_boxes", "combined", "grid", "random", "given", "frame"
]
TrackerName = Literal[
    "flow_cf", "flow", "cf", "link", "kcf", "csrt", "mosse", "medianflow", "static", "given"
]


class FollowConfig(Config):
    """Settings of ``vidcl.tracks.follow.follow``. Lengths are shares of the picture's short side
    unless said otherwise, so one preset serves all sizes."""

    proposer: ProposerName = "combined"
    """What finds regions: what moves against the camera (motion), how a box's edges and colours
    stand out (selective_search, edge_boxes), both (combined), a grid, chance, boxes from a file
    (given), or ``frame``: none, only whole frames."""
    tracker: TrackerName = "flow_cf"
    """What moves the boxes: flow corrected by correlation and outline (flow_cf), flow, correlation
    filters (cf), linked features (link), OpenCV's trackers, nothing (static), or boxes from a
    file (given)."""
    follow_rate: float | None = Field(default=12.0, gt=0)
    """Frames per second to decode and follow; None is all of them."""
    keep_rate: float | None = Field(default=4.0, gt=0)
    """Followed frames per second whose crops are kept; None is all of them."""
    max_regions: int = Field(default=10, ge=0)
    """Regions followed at the same time; 0 gives whole frames only. More find more objects, and
    more boxes that are none. With the proposer ``combined`` a fifth of the room is kept for what
    moves."""
    propose_every: int = Field(default=4, ge=1)
    """Followed frames between two searches for new regions."""
    working_side: int = Field(default=160, ge=32)
    """Short side in pixels of the copy on which flow is computed; smaller pictures stay as they
    are."""
    min_side: float = Field(default=0.1, gt=0, lt=1)
    """Shortest side of a region."""
    max_area: float = Field(default=0.5, gt=0, le=1)
    """Largest area of a region, as a share of the picture's."""
    max_aspect: float = Field(default=3.5, ge=1)
    """Largest ratio of a region's sides."""
    min_visible: float = Field(default=0.6, gt=0, le=1)
    """A region that is less than so much inside the picture ends."""
    max_overlap: float = Field(default=0.6, gt=0, le=1)
    """Two regions that overlap more (intersection over union) become the older one."""
    max_fb_error: float = Field(default=0.12, gt=0)
    """Largest median forward-backward error of flow, as a share of the region's size."""
    min_confidence: float = Field(default=0.8, ge=0, le=1)
    """Smallest probability that a box still holds what it began on, see
    ``vidcl.tracks.judgement.confidence``. Higher gives purer and shorter tracks."""
    patience: int = Field(default=2, ge=1)
    """Followed frames in a row that fail a check and end the region; what was kept of them is
    dropped."""
    min_kept: int = Field(default=3, ge=1)
    """Region tracks with fewer kept crops are dropped (not those of given boxes)."""
    max_kept: int = Field(default=256, ge=2)
    """A track with so many kept crops ends and another one begins, which bounds memory."""
    seed: int = 0
    """Of the random proposer."""
