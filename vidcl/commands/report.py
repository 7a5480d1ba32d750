"""``vidcl report``: one page about one run folder or several."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from vidcl.commands.options import parse


@dataclass(frozen=True)
class Options:
    """Build one page about any number of run folders: one file, readable without a network.

    With several folders their systems stand side by side: a name that two of them use is told apart
    by its folder, and a set is shared where name and content hash agree.

    Examples:
      vidcl report demo-run
      vidcl report runs/moco runs/region_track --out compared.html
    """

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Folders written by vidcl train, evaluate or demo, or by a script in pipelines/."""
    out: Path | None = None
    """File to write; by default report.html in the folder, of several in the working folder."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="report")
    from vidcl.report.build import build_report

    print(f"report: {build_report(options.runs, options.out)}")
    return 0
