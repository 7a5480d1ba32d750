"""``vidcl invariance``: tables of features in; RIS, whitened cosine, intervals and tests out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from vidcl.commands.options import parse
from vidcl.progress import show_progress


@dataclass(frozen=True)
class Options:
    """Measure how little features change over the views of one thing, and test who is better.

    Prints RIS (Purushwalkam & Gupta 2020) and whitened cosine and distance (Ericsson et al. 2021)
    with 95 % intervals over objects, the chance row of i.i.d. features at each width, paired
    permutation tests between all systems, and what is not comparable. Tables are read from disk in
    blocks, so they may be larger than memory.

    Examples:
      vidcl invariance wild.parquet
      vidcl invariance moco=moco-wild.parquet ours=ours-wild.parquet --out results.json
      vidcl invariance a.parquet b.parquet --mode paper --top 5 10 --set-column video
    """

    tables: tyro.conf.Positional[tuple[str, ...]]
    """Parquet files from vidcl embed; NAME=FILE names the system (else the file's name does)."""
    mode: Literal["authors", "paper"] = "authors"
    """RIS as the authors' code computes it, or by the formulas of their paper."""
    set_column: str | None = None
    """The label of the transformation set; else 'set' where the table has it, else 'instance'."""
    class_column: str | None = None
    """The label RIS is conditioned on; else 'class' where the table has it, else the set itself."""
    top: tuple[int, ...] = (10, 25)
    """The numbers of best units RIS averages over; those above the feature width are left out."""
    bootstrap: int = 1000
    """Resamples of objects for the intervals; 0: no intervals."""
    permutations: int = 10_000
    """Permutations of each paired test, at most; 0: no tests."""
    chance_draws: int = 5
    """Draws of i.i.d. features behind the chance row."""
    seed: int = 0
    """Of the intervals, the tests and chance."""
    workers: int = 1
    """Threads that count firings."""
    out: Path | None = None
    """Write results.json here too."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="invariance", default=Options(tables=()))
    from vidcl.errors import VidclError
    from vidcl.evaluation.invariance.results import Named, Settings, invariance_results
    from vidcl.evaluation.invariance.text import invariance_text
    from vidcl.evaluation.results import write_results

    if not options.tables:
        raise VidclError("Name the tables to measure: Parquet files written by vidcl embed.")
    tables = []
    for word in options.tables:
        name, _, file = word.rpartition("=")
        tables.append(Named(name or Path(file).stem, Path(file)))
    values: dict[str, Any] = {
        name: getattr(options, name) for name in Settings.__dataclass_fields__
    }
    with show_progress("invariance", unit="steps") as progress:
        results = invariance_results(tables, Settings(**values), progress=progress)
    for set_name in results["sets"]:
        print(f"\n{invariance_text(results, set_name)}")
    for sentence in results["warnings"]:
        print(f"\nwarning: {sentence}")
    if options.out is not None:
        write_results(results, options.out)
        print(f"\nresults: {options.out}\nnext:    vidcl report {options.out.parent}")
    return 0
