"""Measure encoders on labelled image sets: retrieval across views, RIS, k-NN, with controls.

    python pipelines/retrieval_benchmark.py --encoders runs/moco runs/region_track \\
        random:resnet18 color-histogram raw-pixels --datasets wild:world/sets/wild.parquet \\
        --out benchmark

    python pipelines/retrieval_benchmark.py --encoders v2=moco_v2_200ep.pth.tar \\
        torchvision:resnet50 timm:vit_small_patch16_224.dino theirs=features:theirs.parquet \\
        --datasets eth80:ETH80 photos:PHOTOS --min-gaps 45 0 90 --out benchmark

    python pipelines/retrieval_benchmark.py --encoders runs/moco --datasets shop:shop.csv \\
        --instance-column product --split-column split --distractors crowd:CROWD --out shop

An encoder is a vidcl run folder or checkpoint, an official MoCo checkpoint, a state dict of
torchvision or timm, random:BACKBONE (for example random:resnet50), torchvision:NAME or timm:NAME
(published weights that lie on this machine, with their own preprocessing; NAME@FILE takes a file),
color-histogram, raw-pixels, or features:FILE (Parquet or .npy); NAME=ENCODER gives it another name.
A data set is NAME:PATH, KIND:PATH or NAME=KIND:PATH (docs/datasets.md). Beside every trained
network stands the same network untrained, and for every feature width a row of i.i.d. features.

By default every image asks for its instance among all others, but for views closer than --min-gap
where the set tells viewpoints. Embeddings are kept in --cache and made once; after Ctrl-C or a kill
the same command goes on. Prints a table per set and writes results.json, results.csv,
galleries.json, embeddings.json (where each table is) and report.html into --out.

On a cluster (pip install 'vidcl[cluster]'), with all paths on a disk that all machines see:

    ray job submit --address http://HEAD:8265 --working-dir . -- \\
        python pipelines/retrieval_benchmark.py --encoders ... --datasets ... --out ...
"""

import sys
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import tyro

from studies.retrieval.protocols import gallery, joined, measured, set_protocol
from studies.retrieval.rows import open_encoders, open_sets
from studies.retrieval.tables import all_features, chance_rows, embedded, only
from studies.retrieval.told import encoder_facts, opened_text, set_text
from vidcl.commands.options import option_value
from vidcl.errors import VidclError
from vidcl.evaluation import embedding_cache
from vidcl.evaluation.config import EvaluationConfig
from vidcl.evaluation.evaluate import System, evaluate
from vidcl.evaluation.galleries import write_galleries
from vidcl.evaluation.results import write_results
from vidcl.evaluation.results_table import results_csv
from vidcl.evaluation.retrieval.backends import Backend, chosen_device, proposer
from vidcl.files import write_atomic
from vidcl.progress import show_progress, show_warnings_plainly
from vidcl.report.build import build_report
from vidcl.told import exit_status


@dataclass(frozen=True)
class Job:
    """What the command line says."""

    encoders: tuple[str, ...]
    """Run folders, checkpoints, random:BACKBONE, torchvision:NAME, timm:NAME, color-histogram,
    raw-pixels, features:FILE; NAME=... renames."""
    datasets: tuple[str, ...]
    """NAME:PATH, KIND:PATH or NAME=KIND:PATH of labelled sets."""
    out: Path
    """Folder of the results."""
    settings: Annotated[EvaluationConfig, tyro.conf.arg(name="")] = field(
        default_factory=EvaluationConfig
    )
    split_column: str | None = None
    """A label column that says who asks (query, test or val) and who answers (gallery or train)."""
    distractors: tuple[str, ...] = ()
    """NAME:PATH of sets whose images are in every gallery and never right."""
    limit: int | None = None
    """At most so many images of each set, drawn by --seed: for a quick look."""
    size: int | None = None
    """Side in pixels of the input of random:BACKBONE and of files that do not say (else 224)."""
    batch_size: int = 256
    """Images per forward pass."""
    device: str | None = None
    """cpu, cuda, ...; by default a GPU when there is one."""
    cache: Path | None = None
    """Folder of the embeddings; by default OUT/embeddings."""
    pictures: int = 5000
    """Pictures per set in the page's explorer."""


def main() -> int:
    show_warnings_plainly()
    job = tyro.cli(Job, description=__doc__, config=(tyro.conf.AvoidSubcommands,))
    if job.settings.min_gaps and option_value(sys.argv, "min-gap") is None:
        first = {"min_gap": job.settings.min_gaps[0]}
        job = replace(job, settings=job.settings.model_copy(update=first))
    return exit_status(lambda: benchmark(job))


def benchmark(job: Job) -> None:
    # Everything is opened before anything is embedded: what is wrong is told at once.
    for gap in (job.settings.min_gap, *job.settings.min_gaps):
        if not 0 <= gap <= 180:
            raise VidclError(f"A minimum gap is 0 to 180 degrees, not {gap:g}.")
    config = job.settings
    device = job.device or "auto"
    check_device(device, config.backend)
    sets = open_sets(
        job.datasets, job.distractors, config.instance_column, limit=job.limit, seed=config.seed
    )
    away = list(sets.distractors.values())
    protocols = {
        name: set_protocol(data, away, config, job.split_column)
        for name, data in sets.measured.items()
        if "retrieval" in config.measures
    }
    encoders = open_encoders(
        job.encoders,
        sets,
        size=job.size,
        device=job.device,
        batch_size=job.batch_size,
        seed=config.seed,
    )
    cache = job.cache or job.out / "embeddings"
    make_folders(job.out, cache)
    print(opened_text(encoders, sets))
    timings: dict[str, float] = {}
    tables = embedded(encoders, sets, cache, job.out, timings)

    systems = [
        System(one.name, [only(tables[one.name], sets.measured)], one.kind) for one in encoders
    ]
    chance = chance_rows(encoders, tables, sets, config.seed)
    rows = tables | chance
    systems += [System(name, [only(t, sets.measured)], "control") for name, t in chance.items()]

    started = time.monotonic()
    # retrieval is measured here, since its protocol may have parts that no table knows of
    others = tuple(name for name in config.measures if name != "retrieval")
    with show_progress("measure", unit="tables") as progress:
        results = evaluate(
            systems,
            config.model_copy(update={"measures": others}),
            title="Retrieval benchmark",
            settings=_told(job),
            progress=progress,
        )
    results["settings"]["evaluation"] = config.model_dump(mode="json")
    opened = {one.name: one for one in encoders}
    for system in results["systems"]:
        if system["name"] in chance:
            system["chance"] = True
        else:
            system["encoder"] = encoder_facts(opened[system["name"]])
    pairs = [(system, name) for system in results["systems"] for name in protocols]
    with show_progress("retrieve", unit="tables") as progress:
        for done, (system, name) in enumerate(pairs, 1):
            system["sets"][name] |= measured(
                all_features(rows[system["name"]], name, sets),
                protocols[name],
                config,
                device,
            )
            progress(done, len(pairs))
    timings["measure"] = time.monotonic() - started
    results["timings"] = timings

    write_results(results, job.out / "results.json")
    write_atomic(job.out / "results.csv", results_csv(results).encode())
    started = time.monotonic()
    galleries = [
        gallery(
            name,
            joined(sets.measured[name], sets.distractors, config.instance_column),
            {
                row: partial(all_features, tables, name, sets)
                for row, tables in rows.items()
                if row not in chance
            },
            protocol,
            config,
            most=job.pictures,
            device=device,
            content_hash=results["sets"][name]["content_hash"],
        )
        for name, protocol in protocols.items()
    ]
    write_galleries(galleries, job.out)
    page = build_report(job.out)
    timings["page"] = time.monotonic() - started
    write_results(results, job.out / "results.json")
    for name in sets.measured:
        print(f"\n{set_text(results, name)}")
    print()
    for sentence in results["warnings"]:
        print(f"note: {sentence}")
    count, size = embedding_cache.cache_size(cache)
    print(f"\nresults:    {job.out / 'results.json'}, {job.out / 'results.csv'}")
    print(f"embeddings: {cache} ({count} tables, {size / 1e6:,.1f} MB)\npage:       {page}")


def check_device(device: str, backend: Backend) -> None:
    """Raises: VidclError: there is no such device, or the backend is not installed for it."""
    try:
        proposer(backend, chosen_device(device))
    except RuntimeError as error:
        raise VidclError(
            f"There is no device '{device}': give cpu, cuda or cuda:N with --device."
        ) from error


def make_folders(*folders: Path) -> None:
    """Raises: VidclError: one cannot be made."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VidclError(
                f"Cannot make the folder {folder} ({error.strerror}): choose another."
            ) from error


def _told(job: Job) -> dict[str, Any]:
    """The command line, for results.json."""
    return {
        "encoders": list(job.encoders),
        "datasets": list(job.datasets),
        "distractors": list(job.distractors),
        "split_column": job.split_column,
        "limit": job.limit,
        "size": job.size,
    }


if __name__ == "__main__":
    sys.exit(main())
