"""Measure encoders on labelled image sets: cross-view retrieval, RIS, k-NN, with controls.

    python pipelines/retrieval_benchmark.py --encoders runs/moco runs/region_track \\
        random:resnet18 color-histogram raw-pixels --datasets wild:world/sets/wild.parquet \\
        --out benchmark

    python pipelines/retrieval_benchmark.py --encoders moco_v2_200ep.pth.tar raw-pixels \\
        --datasets photos:PHOTOS --instance-column class --out benchmark

An encoder is a vidcl run folder or checkpoint, an official MoCo checkpoint, a torchvision state
dict, random:BACKBONE (for example random:resnet50), color-histogram or raw-pixels; NAME=ENCODER
gives it another name. A data set is NAME:PATH, a Parquet labelled set or a folder of images (label
columns: class, path). The chance row, i.i.d. features of the first encoder's width, is added.

Prints one table per set and writes results.json, results.csv, galleries.json, report.html and the
features (embeddings/SET/ENCODER.parquet) into --out.

On a cluster (pip install 'vidcl[cluster]'), with all paths on a disk that all machines see:

    ray job submit --address http://HEAD:8265 --working-dir . -- \\
        python pipelines/retrieval_benchmark.py --encoders ... --datasets ... --out ...
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import tyro

from vidcl.datasets.labelled import LabelledSet, open_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation.config import EvaluationConfig
from vidcl.evaluation.controls import color_histogram_table, iid_table, raw_pixels_table
from vidcl.evaluation.embed import embed
from vidcl.evaluation.evaluate import System, evaluate
from vidcl.evaluation.galleries import build_gallery, write_galleries
from vidcl.evaluation.results import CHANCE, results_csv, table_text, write_results
from vidcl.evaluation.table import table_features, write_embeddings
from vidcl.files import write_atomic
from vidcl.models.checkpoint import load_encoder
from vidcl.models.encoder import Architecture, Encoder, Preprocessing, build_encoder, random_encoder
from vidcl.progress import Progress, show_progress
from vidcl.report.build import build_report

Embedder = Callable[[LabelledSet, Progress], pa.Table]


@dataclass(frozen=True)
class Job:
    """What the command line says."""

    encoders: tuple[str, ...]
    """Run folders, checkpoints, random:BACKBONE, color-histogram, raw-pixels; NAME=... renames."""
    datasets: tuple[str, ...]
    """NAME:PATH of labelled sets (Parquet) or image folders."""
    out: Path
    """Folder of the results."""
    settings: Annotated[EvaluationConfig, tyro.conf.arg(name="")] = field(
        default_factory=EvaluationConfig
    )
    size: int = 224
    """Side in pixels of the input of random:BACKBONE; a checkpoint brings its own."""
    batch_size: int = 256
    """Images per forward pass."""
    device: str | None = None
    """cpu, cuda, ...; by default a GPU when there is one."""
    queries: int = 8
    """Queries per set shown on the page."""


def main() -> int:
    try:
        job = tyro.cli(Job, description=__doc__, config=(tyro.conf.AvoidSubcommands,))
        return benchmark(job)
    except VidclError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; nothing half written is left.", file=sys.stderr)
        return 130


def benchmark(job: Job) -> int:
    # Everything is opened before anything is embedded: a wrong path is told at once.
    sets = open_sets(job)
    encoders = open_encoders(job)
    timings: dict[str, float] = {}
    tables: dict[str, dict[str, pa.Table]] = {}
    for name, (_, embedder) in encoders.items():
        started = time.monotonic()
        tables[name] = {}
        for set_name, data in sets.items():
            with show_progress(f"{name} on {set_name}", unit="images") as progress:
                tables[name][set_name] = embedder(data, progress)
            path = job.out / "embeddings" / set_name / f"{file_name(name)}.parquet"
            write_embeddings(tables[name][set_name], path)
        timings[f"embed {name}"] = time.monotonic() - started

    systems = [
        System(name, [tables[name]], "control" if control else "trained")
        for name, (control, _) in encoders.items()
    ]
    chance = {
        set_name: iid_table(table, table_features(table).shape[1], job.settings.seed)
        for set_name, table in tables[next(iter(encoders))].items()
    }
    started = time.monotonic()
    with show_progress("measure", unit="tables") as progress:
        results = evaluate(
            [*systems, System(CHANCE, [chance], "control")],
            job.settings,
            title="Retrieval benchmark",
            settings={
                "encoders": list(job.encoders),
                "datasets": list(job.datasets),
                "size": job.size,
            },
            progress=progress,
        )
    timings["measure"] = time.monotonic() - started
    results["timings"] = timings

    write_results(results, job.out / "results.json")
    write_atomic(job.out / "results.csv", results_csv(results).encode())
    galleries = [
        build_gallery(
            set_name,
            {name: by_set[set_name] for name, by_set in tables.items()},
            data,
            queries=job.queries,
            instance_column=job.settings.instance_column,
            position_column=job.settings.angle_column,
            min_gap=job.settings.min_gap,
            backend=job.settings.backend,
            seed=job.settings.seed,
        )
        for set_name, data in sets.items()
    ]
    write_galleries(galleries, job.out)
    page = build_report(job.out)
    for set_name in sets:
        print(f"\n{table_text(results, set_name)}")
    print(f"\nresults: {job.out / 'results.json'}, {job.out / 'results.csv'}\npage:    {page}")
    return 0


def open_sets(job: Job) -> dict[str, LabelledSet]:
    """The data sets by name, each with the instance column."""
    sets: dict[str, LabelledSet] = {}
    for word in job.datasets:
        name, colon, path = word.partition(":")
        if not colon or not name or not path:
            raise VidclError(f"Give a data set as NAME:PATH, not '{word}'.")
        if name in sets or "/" in name:
            raise VidclError(f"Give each data set a plain name of its own; '{name}' is not.")
        data = open_labelled_set(path)
        if job.settings.instance_column not in data.labels:
            raise VidclError(
                f"{path} has no label column '{job.settings.instance_column}': choose one of "
                f"{', '.join(data.labels)} with --instance-column."
            )
        sets[name] = data
    if not sets:
        raise VidclError("Name at least one data set: --datasets NAME:PATH.")
    return sets


def open_encoders(job: Job) -> dict[str, tuple[bool, Embedder]]:
    """{name: (is a control, how to embed a set)}."""
    encoders: dict[str, tuple[bool, Embedder]] = {}
    for word in job.encoders:
        given, _, spec = word.rpartition("=")
        name = given or spec
        if name in encoders or name == CHANCE:
            raise VidclError(f"Two rows are named '{name}': rename one with NAME=ENCODER.")
        if spec == "color-histogram":
            encoders[name] = (True, lambda data, p: color_histogram_table(data, progress=p))
        elif spec == "raw-pixels":
            encoders[name] = (True, lambda data, p: raw_pixels_table(data, progress=p))
        elif spec.startswith("random:"):
            encoders[name] = (True, embedder_of(random_network(spec, job), name, job))
        else:
            encoders[name] = (False, embedder_of(load_encoder(spec), name, job))
    if not encoders:
        raise VidclError("Name at least one encoder: --encoders RUN, random:resnet18, raw-pixels.")
    return encoders


def random_network(spec: str, job: Job) -> Encoder:
    architecture = Architecture(spec.removeprefix("random:"))
    like = build_encoder(architecture, Preprocessing(size=job.size))
    return random_encoder(like, job.settings.seed)


def embedder_of(encoder: Encoder, name: str, job: Job) -> Embedder:
    def run(data: LabelledSet, progress: Progress) -> pa.Table:
        return embed(
            encoder,
            data,
            batch_size=job.batch_size,
            device=job.device,
            name=name,
            progress=progress,
        )

    return run


def file_name(name: str) -> str:
    """An encoder's name as a plain file name."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)


if __name__ == "__main__":
    sys.exit(main())
