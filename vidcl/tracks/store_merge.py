"""The record of a merge of shards: one small file that switches readers from many files to one.

While a merge is under way the record names the merged shards and where their rows lie whole. A
reader then takes the merged file and leaves the old ones out, whichever of them are still there.
The record's generation grows with every such switch, by which a reader notices one in between.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from vidcl.errors import VidclError
from vidcl.files import write_atomic


@dataclass(frozen=True)
class MergeRecord:
    """What ``shards/merge.json`` says.

    Attributes:
        generation: grows whenever other files begin to hold the rows.
        into: number of the shard that is to hold the rows of all ``merged``; None when no merge is
            under way.
        merged: numbers of the shards that are merged, ascending; the first one is ``into``.
        unplanned: merges that are done and that the plan does not know yet.
    """

    generation: int = 0
    into: int | None = None
    merged: tuple[int, ...] = ()
    unplanned: tuple[tuple[int, ...], ...] = ()


def record_path(store: str | Path) -> Path:
    """Where the record of a store lies; a store that was never compacted has none."""
    return Path(store) / "shards" / "merge.json"


def read_record(store: str | Path) -> MergeRecord:
    """The record of a store.

    Raises:
        VidclError: the file is damaged or a newer vidcl wrote it.
    """
    path = record_path(store)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return MergeRecord(
            generation=int(data["generation"]),
            into=None if data["into"] is None else int(data["into"]),
            merged=tuple(data["merged"]),
            unplanned=tuple(tuple(group) for group in data["unplanned"]),
        )
    except FileNotFoundError:
        return MergeRecord()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VidclError(
            f"{path} cannot be read ({error!r}): use a newer vidcl if one wrote it, else restore "
            "it from a copy of the store."
        ) from error


def write_record(store: str | Path, record: MergeRecord) -> None:
    """Write the record, whole or not at all."""
    write_atomic(record_path(store), json.dumps(asdict(record)).encode("utf-8"))


def aside_name(name: str) -> str:
    """Name of the merged file that is to become ``name``; hidden, and not half-written."""
    return f".{name}.merged"


def files_of_rows(
    names: Iterable[tuple[int, str]], aside: set[str], record: MergeRecord
) -> list[str]:
    """The files that hold each row once, in the order of the rows.

    Args:
        names: number and name of the shard files in the folder, ascending.
        aside: names of hidden merged files in the folder.
        record: of the folder.
    """
    files = []
    for number, name in names:
        if record.into is None or number not in record.merged:
            files.append(name)
        elif number == record.into:
            # once it has been renamed, the shard itself is the merged file
            files.append(aside_name(name) if aside_name(name) in aside else name)
    return files
