"""``vidcl evaluate``: tables of features in, results out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vidcl.commands.options import parse
from vidcl.evaluation.config import EvaluationConfig
from vidcl.progress import show_progress


@dataclass(frozen=True)
class Options:
    """Measure invariance (RIS), cross-view retrieval and k-NN accuracy of embedded sets.

    Every table is one system on one set, as vidcl embed writes it. A row of i.i.d. features is
    added for every feature width, since the chance level of RIS depends on it and on the sizes of
    the sets. The other control that a table should carry, the network untrained, needs the images:
    vidcl embed random:resnet18 IMAGES makes it.

    Examples:
      vidcl evaluate wild.parquet --out results.json
      vidcl evaluate moco=moco-wild.parquet ours=ours-wild.parquet --out results.json
      vidcl evaluate eth80.parquet --min-gaps 0 45 90 --full
      vidcl evaluate photos.parquet --instance-column class --min-gap 0
    """

    tables: tyro.conf.Positional[tuple[str, ...]]
    """Parquet files from vidcl embed; NAME=FILE names the system (else the file's name does)."""
    settings: Annotated[EvaluationConfig, tyro.conf.arg(name="")]
    out: Path | None = None
    """Write results.json here too."""
    full: bool = False
    """Print every metric, with its 95 % interval."""


def run(argv: list[str]) -> int:
    default = Options(tables=(), settings=EvaluationConfig())
    options = parse(Options, argv, prog="evaluate", default=default)
    import pyarrow as pa

    from vidcl.errors import VidclError
    from vidcl.evaluation.controls import iid_table
    from vidcl.evaluation.embed import read_embeddings
    from vidcl.evaluation.evaluate import System, evaluate
    from vidcl.evaluation.results import (
        CHANCE,
        gap_text,
        metric_names,
        table_text,
        write_results,
    )
    from vidcl.evaluation.table import table_features, table_metadata

    if not options.tables:
        raise VidclError("Name the tables to measure: Parquet files written by vidcl embed.")
    systems: dict[str, dict[str, pa.Table]] = {}
    chance: dict[int, dict[str, pa.Table]] = {}
    for word in options.tables:
        name, _, file = word.rpartition("=")
        table = read_embeddings(file)
        set_name = str(table_metadata(table).get("set") or Path(file).stem)
        sets = systems.setdefault(name or Path(file).stem, {})
        if set_name in sets:
            raise VidclError(f"{word}: the system '{name}' has the set '{set_name}' twice.")
        sets[set_name] = table
        width = table_features(table).shape[1]
        if set_name not in chance.setdefault(width, {}):
            chance[width][set_name] = iid_table(table, width, options.settings.seed)
    rows = [System(name, [tables]) for name, tables in systems.items()]
    rows += [
        System(CHANCE if len(chance) == 1 else f"{CHANCE}, {width} units", [tables], "control")
        for width, tables in chance.items()
    ]
    with show_progress("evaluate", unit="tables") as progress:
        results = evaluate(rows, options.settings, progress=progress)
    metrics = metric_names(results, everything=options.full)
    for set_name in results["sets"]:
        print(f"\n{table_text(results, set_name, metrics, intervals=options.full)}")
        by_gap = gap_text(results, set_name)
        if by_gap is not None:
            print(f"\n{by_gap}")
    for sentence in results["warnings"]:
        print(f"\nwarning: {sentence}")
    if options.out is not None:
        write_results(results, options.out)
        print(f"\nresults: {options.out}\nnext:    vidcl report {options.out.parent}")
    return 0
