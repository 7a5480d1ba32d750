"""All record batches of a store's shards, opened together."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.tracks.store_files import Block, make_block, open_shard


def open_blocks(shards: Iterable[Path]) -> tuple[list[Block], dict[str, Any]]:
    """The record batches of the shards that have rows, in order, and the first shard's metadata.

    Raises:
        VidclError: a shard is damaged, or of another canvas than the first.
    """
    blocks: list[Block] = []
    metadata: dict[str, Any] = {}
    rows = 0
    for shard in shards:
        reader, facts = open_shard(shard)
        if metadata and facts.get("canvas") != metadata.get("canvas"):
            raise VidclError(
                f"{shard} has a canvas of {facts.get('canvas')} px and the store's other "
                f"shards {metadata.get('canvas')}: it belongs to another store, move it away."
            )
        metadata = metadata or facts
        for index in range(reader.num_record_batches):
            batch = reader.get_batch(index)
            if batch.num_rows:
                blocks.append(make_block(batch, rows))
                rows += batch.num_rows
    return blocks, metadata
