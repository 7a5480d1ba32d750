"""Configuration of an extraction."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from vidcl.config import Config
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.crops import CropConfig
from vidcl.tracks.extraction.limits import Limits
from vidcl.tracks.extraction.spool import SpoolConfig
from vidcl.video.open import BackendName

#: Fields that say how the work is done and not what comes out; they may differ on a resume.
HOW = (
    "engine",
    "workers",
    "ray_address",
    "video_timeout",
    "probe_timeout",
    "worker_memory",
    "isolate",
    "spool_dir",
    "spool_gib",
)


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
    decoder: BackendName = "pyav"
    """What decodes. PyAV is the reference; another may refuse files that PyAV reads, and does not
    mark damaged frames."""
    time_tolerance: float | None = Field(0.5, ge=0, le=0.5)
    """How far from the time asked for a frame may lie, in steps of the follow rate, where that
    spares decoding others; its true time is stored. None or 0: exactly the frames of a full decode
    (which is how stores were made before there was this setting)."""
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
    """Seconds that one segment may take; past them it is a fault of kind 'timeout'."""
    probe_timeout: float = Field(60.0, gt=0)
    """Seconds that opening a file and decoding its first frame may take."""
    worker_memory: float = Field(4.0, gt=0)
    """GiB that a worker's decoding process may allocate; past them the segment is a fault of kind
    'memory'."""
    isolate: bool = True
    """Decode in a child process of each worker, so that a decoder which hangs or dies in native
    code costs one segment. Without it a crash ends the worker; for debugging."""
    spool_dir: Path | None = None
    """Where workers keep a remote file while they decode it (None: the folder for temporary files
    of their machine)."""
    spool_gib: float = Field(8.0, gt=0)
    """GiB that each worker may spool at a time; a larger file is a fault of kind 'too_large'."""

    @field_validator("time_tolerance")
    @classmethod
    def _exact_is_none(cls, value: float | None) -> float | None:
        # two ways to say one thing must not make two stores
        return value or None

    @model_validator(mode="after")
    def _alone_without_isolation(self) -> Self:
        if not self.isolate and (self.engine, self.workers) != ("local", 1):
            raise ValueError(
                "isolate: false is for debugging in one process and needs engine: local and "
                "workers: 1"
            )
        return self

    def limits(self) -> Limits:
        """What one segment may cost."""
        return Limits(
            probe_seconds=self.probe_timeout,
            segment_seconds=self.video_timeout,
            memory=int(self.worker_memory * 2**30),
            isolate=self.isolate,
        )

    def spool(self) -> SpoolConfig:
        """Where remote files are kept."""
        folder = None if self.spool_dir is None else str(self.spool_dir)
        return SpoolConfig(folder, int(self.spool_gib * 2**30))

    def settings(self) -> dict[str, Any]:
        """The fields that decide which rows come out, as plain JSON values."""
        return self.model_dump(mode="json", exclude=set(HOW))
