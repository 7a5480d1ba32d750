"""Configuration of an extraction."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from vidcl.config import Config
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.crops import CropConfig

#: Fields that say how the work is done and not what comes out; they may differ on a resume.
HOW = ("engine", "workers", "ray_address", "video_timeout")


class ExtractConfig(Config):
    """Videos to tracks."""

    follow: FollowConfig = FollowConfig()
    """What is proposed and how it is followed."""
    crop: CropConfig = CropConfig()
    """How crops are cut and stored."""
    segment_seconds: float = Field(60.0, gt=0)
    """Long videos are cut into pieces of about this length; no track crosses a cut."""
    segments_per_shard: int = Field(8, ge=1)
    """Segments that one task extracts and commits together."""
    max_video_side: int | None = Field(960, ge=16)
    """Larger frames are shrunk to this longer side while decoding (None: never). Boxes and sizes
    are stored in source pixels all the same. Given boxes are followed at full size."""
    whole_frames: bool = True
    """Also store one track of whole frames per shot."""
    given_dir: Path | None = None
    """Folder with <video stem>.json or <video stem>.csv: the boxes of the proposer 'given'."""
    engine: Literal["ray", "local"] = "ray"
    """Ray tasks, or processes of this machine without Ray."""
    workers: int | None = Field(None, ge=1)
    """Tasks at a time (None: one per CPU). With 'local', 1 works in this very process."""
    ray_address: str | None = None
    """Cluster to use; None starts Ray on this machine, or joins the job's own cluster."""
    video_timeout: float = Field(600.0, gt=0)
    """Seconds that one segment may take; past them it is a fault of kind 'timeout'. Looked at
    between frames."""

    def settings(self) -> dict[str, Any]:
        """The fields that decide which rows come out, as plain JSON values."""
        return self.model_dump(mode="json", exclude=set(HOW))
