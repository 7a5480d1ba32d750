"""Measure RIS: time against sorting the features once, and memory where they stay on disk.

    OMP_NUM_THREADS=1 python -m benchmarks.invariance [--work FOLDER] [--smoke]

Time: features float32 in memory and random sets whose images lie apart; one thread and two. The
reference is ``np.sort(features, axis=0)``, which runs on one thread. Memory: an embedding table is
written piece by piece, and measured by a process of its own, whose peak is VmHWM of /proc (what
``ru_maxrss`` gives a process that nobody forked: that number survives fork and exec, so a large
parent would spoil it). The folder needs 1.1 GB of disk for the full size, one table at a time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MIB = 2**20

#: Images, units and numbers of sets of the timed measurement: full size, smoke.
TIMED = ((100_000, 2048, (10, 1_000, 30_000)), (3_000, 96, (10, 600)))
#: Images, units, sets and images per row group of the tables on disk: full size, smoke.
STORED = (
    ((1_000_000, 256, 30_000, 8_192), (1_000_000, 256, 30_000, 1_000_000)),
    ((20_000, 32, 600, 4_096),),
)
#: Tables, the one of memory first.
TABLES = ("memory", "speed")
#: Row of the table of memory -> what ``--measure`` calls it.
MEASURES = {"RIS with intervals": "ris", "all of `vidcl invariance`": "all"}


def time_against_sort(images: int, units: int, set_counts: tuple[int, ...]) -> list[list[str]]:
    """Seconds of one sort and of RIS@10 and @25 in authors' mode, as cells of a table."""
    from vidcl.evaluation.invariance.chance import chance_row
    from vidcl.evaluation.invariance.ris import ris

    generator = np.random.default_rng(0)
    features = generator.standard_normal((images, units), dtype=np.float32)
    rows = []
    for count in set_counts:
        sets = generator.permutation(np.arange(images) % count)
        sort = seconds(lambda: np.sort(features, axis=0))
        found = [
            seconds(lambda s=sets, w=workers: ris(features, s, s, workers=w)) for workers in (1, 2)
        ]
        with_intervals = seconds(lambda s=sets: ris(features, s, s, bootstrap=1000))
        chance = seconds(lambda s=sets: chance_row(s, s, units))
        ratios = [f"{one:.1f} ({one / sort:.2f}x)" for one in [*found, with_intervals]]
        rows.append([f"{count:,}", f"{sort:.1f}", *ratios, f"{chance:.1f}"])
    return rows


def seconds(work: Any) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def write_table(path: Path, images: int, units: int, sets: int, group: int) -> None:
    """An embedding table of random features whose sets share something, written by pieces.

    Args:
        path: of the Parquet file.
        images: N.
        units: D.
        sets: S; the images of one set lie side by side, four sets are a class.
        group: images per row group.
    """
    generator = np.random.default_rng(0)
    kind = pa.list_(pa.float32(), units)
    schema = pa.schema([("feature", kind), ("instance", pa.string()), ("class", pa.string())])
    common = generator.standard_normal((sets, units), dtype=np.float32)
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for first in range(0, images, group):
            count = min(group, images - first)
            owner = np.arange(first, first + count) * sets // images
            features = generator.standard_normal((count, units), dtype=np.float32)
            features += common[owner]
            columns = [
                pa.FixedSizeListArray.from_arrays(pa.array(features.reshape(-1)), units),
                pa.array([f"object {k}" for k in owner]),
                pa.array([f"class {k // 4}" for k in owner]),
            ]
            writer.write_table(pa.table(columns, schema=schema), row_group_size=group)


def measure(path: Path, what: str) -> dict[str, float]:
    """Measure a table in this process; its peak memory in MiB and the seconds it took."""
    started = time.perf_counter()
    if what == "all":
        from vidcl.commands.invariance import run

        run([str(path), "--out", str(path.with_suffix(".json"))])
        score = json.loads(path.with_suffix(".json").read_text())["systems"][0]["sets"]
        found = next(iter(score.values()))["ris@10"]
    else:
        from vidcl.evaluation.feature_file import ParquetFeatures
        from vidcl.evaluation.invariance.ris import ris

        source = ParquetFeatures(path)
        found = ris(source, source.labels("instance"), source.labels("class"), bootstrap=1000)[
            "ris@10"
        ]
    return {"ris@10": found, "seconds": time.perf_counter() - started, "peak": peak_memory()}


def peak_memory() -> float:
    """The most memory this process has held, MiB.

    Raises:
        ValueError: /proc/self/status does not tell.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ValueError("There is no VmHWM in /proc/self/status: measure on Linux.")


def measure_apart(path: Path, what: str) -> dict[str, float]:
    """``measure`` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.invariance", "--measure", what, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(run.stdout.splitlines()[-1]))


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in [heads, *rows]]
    lines.insert(1, "|" + "---|" * len(heads))
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, help="where tables are written (else a temporary one)")
    parser.add_argument("--smoke", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "TABLE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.measure:
        what, path = arguments.measure
        print(json.dumps(measure(Path(path), what)))
        return 0
    for name in arguments.tables:
        print(f"### {name.capitalize()}\n")
        print((memory if name == "memory" else speed)(arguments.smoke, arguments.work), end="\n\n")
    return 0


def memory(smoke: bool, work: Path | None) -> str:
    """The table of memory."""
    rows = []
    with tempfile.TemporaryDirectory(dir=work) as folder:
        path = Path(folder) / "features.parquet"
        for images, units, sets, group in STORED[smoke]:
            write_table(path, images, units, sets, group)
            size = path.stat().st_size / MIB
            for label, what in MEASURES.items():
                found = measure_apart(path, what)
                shape = f"{images:,} x {units}, {sets:,} sets"
                rows.append(
                    [
                        *[shape, f"{group:,}", f"{size:,.0f} MiB", label],
                        *[f"{found['seconds']:.0f} s", f"{found['peak']:,.0f} MiB"],
                    ]
                )
    heads = ["features", "rows per group", "file", "measured", "time", "peak memory"]
    return table(heads, rows)


def speed(smoke: bool, _: Path | None) -> str:
    """The table of times."""
    images, units, set_counts = TIMED[smoke]
    heads = ["sets", "one sort", "RIS, one thread", "two threads", "with intervals", "chance row"]
    found = table(heads, time_against_sort(images, units, set_counts))
    return f"{images:,} x {units} float32, seconds (times one sort):\n\n{found}"


if __name__ == "__main__":
    sys.exit(main())
