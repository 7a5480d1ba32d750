"""Track stores that are long and take little of the disk: most of a crop is a hole."""

import io
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from vidcl.tracks.store_schema import METADATA_KEY, SCHEMA, SCHEMA_VERSION, VERSION_KEY
from vidcl.tracks.store_writer import BATCH_BYTES, shard_path
from vidcl.tracks.track import SCORES

#: Side of the crops, in pixels.
CANVAS = 32


@dataclass(frozen=True)
class Shape:
    """A sparse store: ``crops`` of ``crop_bytes`` each, in tracks of ``length`` crops; each begins
    with a JPEG (``decodes``), or is a hole altogether."""

    crops: int
    crop_bytes: int
    length: int
    decodes: bool


class SparseFile:
    """What Arrow's writer needs of a file; ``hole``, a long buffer, is left out but for its heads.

    ``heads``: (offset in the hole, bytes) of what is written there.
    """

    closed = False

    def __init__(self, path: Path) -> None:
        self.file = path.open("wb")
        self.hole, self.heads = 0, list[tuple[int, bytes]]()

    def write(self, data: Any) -> int:
        size = len(memoryview(data))
        if not size or size != self.hole:
            return self.file.write(data)
        begin = self.file.tell()
        for offset, head in self.heads:
            self.file.seek(begin + offset)
            self.file.write(head)
        self.file.seek(begin + size)
        return size

    def tell(self) -> int:
        return self.file.tell()

    def flush(self) -> None:
        self.file.flush()

    def close(self) -> None:
        self.file.close()
        self.closed = True


def write_sparse_store(path: Path, shape: Shape, *, shards: int = 4, seed: int = 0) -> Path:
    """A store of regions followed at 0.1 s, in ``shards`` files; ``path``."""
    generator = np.random.default_rng(seed)
    jpegs = [_jpeg(generator) for _ in range(16)] if shape.decodes else []
    # tracks in a record batch, as the store's writer packs them
    per_batch = max(1, BATCH_BYTES // ((shape.crop_bytes + 64) * shape.length))
    metadata = {VERSION_KEY: str(SCHEMA_VERSION), METADATA_KEY: json.dumps({"canvas": CANVAS})}
    schema = SCHEMA.with_metadata(metadata)
    tracks = shape.crops // shape.length
    (path / "shards").mkdir(parents=True)
    edges = np.linspace(0, tracks, shards + 1).astype(int)
    for number, (first, last) in enumerate(itertools.pairwise(edges)):
        sink = SparseFile(shard_path(path, number))
        with pa.ipc.new_file(sink, schema) as writer:
            for begin in range(first, last, per_batch):
                count = min(per_batch, last - begin)
                crops = count * shape.length
                sink.hole = crops * shape.crop_bytes
                sink.heads = [
                    (k * shape.crop_bytes, jpegs[k % len(jpegs)]) for k in range(crops) if jpegs
                ]
                writer.write_batch(_batch(begin, count, shape, schema, generator))
        sink.close()
    return path


def _jpeg(generator: np.random.Generator) -> bytes:
    small = Image.fromarray(generator.integers(0, 256, (4, 4, 3)).astype(np.uint8))
    buffer = io.BytesIO()
    small.resize((CANVAS, CANVAS), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _batch(
    begin: int, count: int, shape: Shape, schema: pa.Schema, generator: np.random.Generator
) -> pa.RecordBatch:
    crops = count * shape.length
    offsets = pa.array(np.arange(0, crops + 1, shape.length, dtype=np.int32))
    inner = np.arange(0, (crops + 1) * shape.crop_bytes, shape.crop_bytes, dtype=np.int32)
    hole = np.zeros(crops * shape.crop_bytes, np.uint8)  # never touched, so never in memory
    files = pa.Array.from_buffers(
        pa.binary(), crops, [None, pa.py_buffer(inner), pa.py_buffer(hole)]
    )
    times = np.tile(np.arange(shape.length) * 0.1, count)
    times += np.repeat(generator.uniform(0, 60, count), shape.length)

    def lists(values: np.ndarray, name: str) -> pa.Array:
        flat = pa.array(values.reshape(-1))
        if values.ndim == 2:
            flat = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        return pa.ListArray.from_arrays(offsets, flat, type=schema.field(name).type)

    box = np.tile(np.array([0, 0, 48, 32], np.float32), (crops, 1))
    ones, numbers = np.ones(crops, np.float32), range(begin, begin + count)
    scores = [pa.ListArray.from_arrays(offsets, pa.array(ones)) for _ in SCORES]
    columns: dict[str, Any] = {
        "track_id": [f"video{n // 8:07d}-0-{n}" for n in numbers],
        "video_id": [f"video{n // 8:07d}" for n in numbers],
        "video": [f"folder/of/videos/video{n // 8:07d}.mp4" for n in numbers],
        "shot": np.zeros(count, np.int32),
        "split": ["train"] * count,
        "kind": ["region"] * count,
        "proposer": ["motion"] * count,
        "tracker": ["flow_cf"] * count,
        "end_reason": ["end"] * count,
        "change": generator.random(count, np.float32),
        "times": lists(times.astype(np.float32), "times"),
        "boxes": lists(box, "boxes"),
        "crop_boxes": lists(box, "crop_boxes"),
        "scores": pa.StructArray.from_arrays(scores, fields=list(schema.field("scores").type)),
        "changes": lists(ones, "changes"),
        "crops": pa.ListArray.from_arrays(offsets, files),
        "sizes": lists(np.tile(np.array([48, 32], np.uint16), (crops, 1)), "sizes"),
        "label": [None] * count,
    }
    arrays = [
        values if isinstance(values, pa.Array) else pa.array(values, schema.field(name).type)
        for name, values in columns.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
