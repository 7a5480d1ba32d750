"""All record batches of a store's shards, opened together."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.tracks.store_files import TRIES, Block, Listing, list_shards, open_shard, read_block
from vidcl.tracks.store_merge import read_record


def open_listed(
    store: Path, listing: Listing, *, again: bool
) -> tuple[list[Block], dict[str, Any], Listing]:
    """The record batches of a listing, the metadata, and the listing that was opened.

    Args:
        store: folder of the store.
        listing: its files.
        again: list the files anew where shards were merged since; the rows are the same ones.

    Raises:
        VidclError: as ``open_blocks``, or shards were merged since and ``again`` is False.
    """
    for _ in range(TRIES):
        try:
            blocks, metadata = open_blocks(store / "shards" / name for name in listing.names)
        except VidclError:
            # a file that has gone since, or real damage: the folder tells
            now = list_shards(store)
            there = set(listing.names) <= set(now.names)
            if now == listing or (not again and (there or now.generation == listing.generation)):
                raise
        else:
            # only now: a merge that begins later leaves the maps as they are
            if _current(store, listing):
                return blocks, metadata, listing
            now = list_shards(store) if again else listing
        if not again:
            break
        listing = now
    raise VidclError(
        f"The store {store} was compacted since its shards were listed: open it again with "
        "open_store."
    )


def _current(store: Path, listing: Listing) -> bool:
    return listing.generation is None or read_record(store).generation == listing.generation


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
            block = read_block(shard, reader, index, rows)
            if block is not None:
                blocks.append(block)
                rows += block.batch.num_rows
    return blocks, metadata
