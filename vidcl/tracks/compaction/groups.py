"""Choose which shards are merged: neighbours, until they are as large as they should be."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidcl.tracks.compaction.join import row_bytes
from vidcl.tracks.extraction.outcome import read_outcomes
from vidcl.tracks.extraction.plan import Plan
from vidcl.tracks.store_files import open_shard
from vidcl.tracks.store_writer import shard_path


@dataclass(frozen=True)
class Small:
    """A committed shard.

    Attributes:
        number: of the shard.
        rows: tracks in it.
        weight: bytes of its crops and a little for each; adds up exactly when shards are merged.
        size: bytes of its file.
        facts: metadata that merged shards must share.
    """

    number: int
    rows: int
    weight: int
    size: int
    facts: dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """What is to be merged.

    Attributes:
        groups: runs of two shards or more, in order.
        shards: how many are extracted, merged or not.
        pending: how many are planned and not extracted as planned.
    """

    groups: list[list[Small]]
    shards: int
    pending: int


def groups_to_merge(store: Path, plan: Plan, target: int) -> Choice:
    """Runs of shards that fit into ``target`` bytes of crops together.

    Shards are merged with their neighbours only, so that rows keep their order: a shard that is not
    extracted yet, or one made with other settings, ends a run.

    Raises:
        VidclError: a shard is damaged.
    """
    groups: list[list[Small]] = []
    run: list[Small] = []
    shards = pending = 0
    for shard in committed(store, plan):
        if shard is None:
            pending += 1
            run = []
            continue
        shards += 1
        weight = sum(member.weight for member in run) + shard.weight
        if run and run[0].facts == shard.facts and weight <= target:
            run.append(shard)
        else:
            run = [shard]
            groups.append(run)
    return Choice([group for group in groups if len(group) > 1], shards, pending)


def committed(store: Path, plan: Plan) -> Iterator[Small | None]:
    """The store's shards in order; None for one that is planned and not extracted as planned.

    Numbers whose shard was merged into another are left out.
    """
    for number in range(plan.shard_count):
        path = shard_path(store, number)
        if plan.sizes[number] == 0 and not path.exists():
            continue
        outcomes = read_outcomes(store, number)
        if outcomes is None or list(outcomes) != plan.keys(number):
            yield None
            continue
        reader, facts = open_shard(path)
        batches = [reader.get_batch(index) for index in range(reader.num_record_batches)]
        yield Small(
            number=number,
            rows=sum(batch.num_rows for batch in batches),
            weight=sum(int(row_bytes(batch).sum()) for batch in batches),
            size=path.stat().st_size,
            facts={name: value for name, value in facts.items() if name != "vidcl"},
        )
