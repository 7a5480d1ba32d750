"""Trackers by name."""

from vidcl.errors import VidclError
from vidcl.tracks.config import TrackerName
from vidcl.tracks.trackers.base import Tracker
from vidcl.tracks.trackers.combined import FlowCorrelationTracker
from vidcl.tracks.trackers.correlation_only import CorrelationTracker
from vidcl.tracks.trackers.flow import FlowTracker
from vidcl.tracks.trackers.linking import EmbedRegions, LinkTracker
from vidcl.tracks.trackers.opencv import OpenCVTracker
from vidcl.tracks.trackers.static import StaticTracker


def build_tracker(name: TrackerName, embed_regions: EmbedRegions | None = None) -> Tracker:
    """The tracker of that name; ``given`` boxes are moved by their file, so they start static.

    Args:
        embed_regions: features for the tracker ``link``; None is its hand-made descriptor.

    Raises:
        VidclError: features are given to a tracker that has no use for them.
    """
    if embed_regions is not None and name != "link":
        raise VidclError(
            f"Only the tracker 'link' uses an encoder: choose it instead of '{name}', or give none."
        )
    match name:
        case "flow_cf":
            return FlowCorrelationTracker()
        case "flow":
            return FlowTracker()
        case "cf":
            return CorrelationTracker()
        case "link":
            return LinkTracker(embed_regions)
        case "kcf" | "csrt" | "mosse" | "medianflow":
            return OpenCVTracker(name)
        case "static" | "given":
            return StaticTracker()
