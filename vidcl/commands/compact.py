"""``vidcl compact``: fewer and larger shards."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from vidcl.commands.options import parse


@dataclass(frozen=True)
class Options:
    """Merge the small shards of a store into large ones: the same rows in the same order.

    A store of a long extraction has many small files. Fewer open faster and copy faster. It may be
    stopped or killed at any moment: readers see every row once, and the same command, or vidcl
    extract, goes on. Training that has the store open is not disturbed.

    Examples:
      vidcl compact store
      vidcl compact store --target-mib 1024
      vidcl compact store --dry-run
    """

    store: tyro.conf.Positional[Path]
    """A folder written by vidcl extract."""
    target_mib: float = 512.0
    """Shards are merged up to so many MiB of crops; larger ones stay as they are."""
    dry_run: bool = False
    """Only say what would be merged."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="compact")
    from vidcl.progress import show_progress
    from vidcl.tracks.compaction.run import compact

    target = int(options.target_mib * 2**20)
    if options.dry_run:
        report = compact(options.store, target=target, dry_run=True)
    else:
        with show_progress("compact", unit="shards") as progress:
            report = compact(options.store, target=target, progress=progress)
    verb = "would become" if options.dry_run else "->"
    if report.merged == 0:
        print(f"{options.store}: {report.before} shards, none to merge")
    else:
        print(
            f"{options.store}: {report.before} shards {verb} {report.after}; {report.merged} of "
            f"them with {report.rows} tracks and {report.bytes / 2**20:.1f} MiB merged, "
            f"{report.seconds:.1f} s"
        )
    if report.pending:
        print(
            f"note: {report.pending} planned shards are not extracted yet: finish with the store's "
            "extract command and compact again."
        )
    return 0
