"""Trackers by name."""

from vidcl.tracks.config import TrackerName
from vidcl.tracks.trackers.base import Tracker
from vidcl.tracks.trackers.combined import FlowCorrelationTracker
from vidcl.tracks.trackers.flow import FlowTracker
from vidcl.tracks.trackers.static import StaticTracker


def build_tracker(name: TrackerName) -> Tracker:
    """The tracker of that name; ``given`` boxes are moved by their file, so they start static."""
    if name == "flow":
        return FlowTracker()
    if name == "flow_cf":
        return FlowCorrelationTracker()
    return StaticTracker()
