"""``vidcl report``: the page of a run folder."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from vidcl.commands.options import parse


@dataclass(frozen=True)
class Options:
    """Build report.html in a run folder: one file, readable without a network.

    Examples:
      vidcl report demo-run
      vidcl report runs/region_track
    """

    run: tyro.conf.Positional[Path]
    """A folder written by vidcl train, vidcl evaluate or vidcl demo."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="report")
    from vidcl.report.build import build_report

    print(f"report: {build_report(options.run)}")
    return 0
