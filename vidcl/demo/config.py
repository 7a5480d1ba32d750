"""What the demo runs."""

from vidcl.config import Config


class DemoConfig(Config):
    """Presets and budget of ``vidcl demo``."""

    world: str = "world_demo"
    """The procedural world: its videos are trained on unless own videos are given."""
    extract: str = "extract_demo"
    """How the world's short clips are extracted."""
    extract_videos: str = "extract"
    """How a user's own videos are extracted."""
    presets: str = "laptop"
    """Folder of the training presets."""
    systems: tuple[str, ...] = ("moco", "region_gap0", "region_track")
    """Training presets compared, all with the same budget."""
    steps: int = 1200
    """Optimiser steps of every system."""
    batch_size: int = 128
    """Pairs per step."""
    sets: tuple[str, ...] = ("wild", "viewpoint", "background")
    """Evaluation sets of the world."""
    seed: int = 0
    """Seed of training, controls and samples."""
