"""What became of the segments of a shard, and the file beside the shard that says so."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vidcl.files import write_atomic


@dataclass
class Outcome:
    """What became of one segment; the numbers behind a row of ``videos.parquet``.

    Attributes:
        key: of the segment.
        video_id: of its video.
        error: kind of the fault, or None; ``internal`` is a fault of vidcl's own.
        message: one sentence, with the traceback behind it for an internal fault.
        native: what the decoder wrote about a segment with a fault or with corrupt frames, or None.
        facts: width, height, duration, codec, backend and version, once the file was opened.
    """

    key: str
    video_id: str
    frames: int = 0
    corrupt_frames: int = 0
    tracks: int = 0
    crops: int = 0
    seconds: float = 0.0
    error: str | None = None
    message: str | None = None
    native: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def fail(self, kind: str, message: str) -> None:
        self.error, self.message = kind, message


def outcome_path(store: str | Path, number: int) -> Path:
    """Where the outcomes of a shard's segments lie: beside the shard, a ``.arrow`` file."""
    return Path(store) / "shards" / f"shard-{number:05d}.json"


def read_outcomes(store: str | Path, number: int) -> dict[str, Outcome] | None:
    """Segment key -> outcome of a committed shard, in order; None where it is not committed."""
    path = outcome_path(store, number)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        outcomes = {item["key"]: Outcome(**item) for item in data["segments"]}
    except (OSError, ValueError, KeyError, TypeError):
        # absent or damaged alike: the shard is extracted again, which mends it
        return None
    return outcomes if path.with_suffix(".arrow").is_file() else None


def write_outcomes(store: str | Path, number: int, outcomes: Sequence[Outcome]) -> None:
    """Commit a shard whose rows are on disk.

    Raises:
        OSError: the file cannot be written.
    """
    text = json.dumps({"segments": [asdict(outcome) for outcome in outcomes]})
    write_atomic(outcome_path(store, number), text.encode("utf-8"))
