"""What a track store's shards hold: the one definition that writer and reader share."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vidcl.tracks.track import SCORES, Track

SCHEMA_VERSION = 2

#: Keys of the Arrow schema metadata.
VERSION_KEY = b"vidcl_schema_version"
METADATA_KEY = b"vidcl_metadata"

_BOXES = pa.list_(pa.list_(pa.float32(), 4))

SCHEMA = pa.schema(
    [
        pa.field("track_id", pa.string(), nullable=False),
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("video", pa.string(), nullable=False),
        pa.field("shot", pa.int32(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("proposer", pa.string(), nullable=False),
        pa.field("tracker", pa.string(), nullable=False),
        pa.field("end_reason", pa.string(), nullable=False),
        pa.field("change", pa.float32(), nullable=False),
        pa.field("times", pa.list_(pa.float32()), nullable=False),
        pa.field("boxes", _BOXES, nullable=False),
        pa.field("crop_boxes", _BOXES, nullable=False),
        pa.field(
            "scores",
            pa.struct([pa.field(name, pa.list_(pa.float32())) for name in SCORES]),
            nullable=False,
        ),
        pa.field("changes", pa.list_(pa.float32()), nullable=False),
        pa.field("crops", pa.list_(pa.binary()), nullable=False),
        pa.field("sizes", pa.list_(pa.list_(pa.uint16(), 2)), nullable=False),
        pa.field("label", pa.string()),
    ]
)

#: Schema version -> columns. Version 1 did not measure the change from crop to crop.
SCHEMAS = {1: SCHEMA.remove(SCHEMA.get_field_index("changes")), 2: SCHEMA}

#: The columns with one plain value per track.
PLAIN_COLUMNS = tuple(field.name for field in SCHEMA if not (pa.types.is_nested(field.type)))


@dataclass
class TrackRow:
    """A track and where it came from: one row of a shard.

    Attributes:
        track_id: unique in the store: ``<video_id>-<segment>-<number>``.
        video_id: stable name of the source file.
        video: path of the source file when it was extracted.
        split: ``train`` or ``test``.
        change: how much the look changes along the track, 0 (not at all) to 2.
        changes: float32 [T], how much the look of each crop changed against the one before, 0 to 2;
            0 for the first.
        track: the track itself; every score has the track's length.
    """

    track_id: str
    video_id: str
    video: str
    split: str
    change: float
    changes: np.ndarray
    track: Track
