"""Invariance against strength: how far features move when images are covered, cropped, turned, ...

    python pipelines/invariance_curves.py --encoders runs/moco runs/region_track \\
        --datasets photos:PHOTOS views:world/sets/viewpoint.parquet --out curves

    python pipelines/invariance_curves.py --encoders torchvision:resnet50 runs/moco \\
        --datasets photos:PHOTOS --factors rotation blur --severities 1 3 5 --images 200 --out quick

    python pipelines/invariance_curves.py --datasets photos:PHOTOS --sheet sheet.png

Encoders and data sets are the words of retrieval_benchmark.py (a run, a file of weights,
random:resnet50, torchvision:resnet50, ...; NAME:PATH), but for files of features, which cannot see
changed images. The controls are always there: a random network of the first network's architecture,
colour histogram, raw pixels, and i.i.d. features (chance).

Eight factors (occlusion, crop, rotation, scale, colour, blur, noise, jpeg) at severities 1 to 5.
Measured are the share of the similarity that is kept (1: the feature stays; 0: it is as far from
itself as from another image's), plainly and whitened; how often the nearest clean image is the
image's own; and, where there is a column of classes, the k-NN accuracy among clean images; each
with 95 % intervals.

Writes results.json, results.csv, curves.png (and curves_whitened, _recall, _knn) into --out and
keeps the features in its folder features: the same command goes on where it stopped.
"""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from PIL import Image

from vidcl.datasets.labelled import LabelledSet
from vidcl.datasets.registry import named_dataset
from vidcl.errors import VidclError
from vidcl.evaluation.encoders import OpenEncoder, named_spec, open_encoder, random_twin
from vidcl.evaluation.factors.curves import MEASURES
from vidcl.evaluation.factors.picture import curves_picture
from vidcl.evaluation.factors.settings import FactorSettings
from vidcl.evaluation.factors.sheet import contact_sheet
from vidcl.evaluation.factors.strengths import FACTORS, UNTOUCHED
from vidcl.evaluation.factors.study import chosen, embed_all, measure_all
from vidcl.evaluation.factors.words import areas_table, curves_csv, curves_table
from vidcl.evaluation.images import image_source
from vidcl.evaluation.results import CHANCE, write_results
from vidcl.files import atomic_path, write_atomic
from vidcl.progress import show_progress
from vidcl.told import exit_status
from vidcl.version import __version__

#: Controls that are no networks.
PLAIN = ("color-histogram", "raw-pixels")


@dataclass(frozen=True)
class Job:
    """What the command line says."""

    datasets: tuple[str, ...]
    """NAME:PATH of image folders, labelled sets or published sets."""
    encoders: tuple[str, ...] = ()
    """Runs, files of weights, random:BACKBONE, torchvision:NAME, ...; NAME=... renames."""
    out: Path | None = None
    """Folder of the results; needed to measure."""
    settings: Annotated[FactorSettings, tyro.conf.arg(name="")] = field(
        default_factory=FactorSettings
    )
    sheet: Path | None = None
    """Write one image under every factor and severity to this PNG."""
    sheet_image: int = 0
    """Which of the first set's chosen images."""
    size: int | None = None
    """Side in pixels of the input of random:BACKBONE, and of files that do not say (else 224)."""
    batch_size: int = 256
    """Images per forward pass."""
    device: str | None = None
    """cpu, cuda, ...; by default a GPU when there is one."""


def main() -> int:
    flags = (tyro.conf.AvoidSubcommands,)
    return exit_status(lambda: run(tyro.cli(Job, description=__doc__, config=flags)))


def run(job: Job) -> None:
    # Everything is opened before anything is embedded: a wrong word is told at once.
    job.settings.check()
    if not job.sheet and not job.encoders:
        raise VidclError("Name at least one encoder (--encoders RUN), or give --sheet FILE.png.")
    if job.encoders and job.out is None:
        raise VidclError("Say where the results go: --out FOLDER.")
    sets = open_sets(job)
    encoders = open_encoders(job) if job.encoders else []
    if job.sheet:
        write_sheet(job.sheet, next(iter(sets.values())), job)
    if encoders and job.out:
        measure(job, job.out, encoders, sets)


def measure(job: Job, out: Path, encoders: list[OpenEncoder], sets: dict[str, LabelledSet]) -> None:
    settings = job.settings
    hashes = {name: data.content_hash() for name, data in sets.items()}
    timings = {}
    started = time.monotonic()
    features = out / "features"
    with show_progress("embed", unit="images") as progress:
        embed_all(encoders, sets, hashes, settings, features, progress)
    timings["embed"] = time.monotonic() - started
    started = time.monotonic()
    with show_progress("measure", unit="tables") as progress:
        systems = measure_all(encoders, sets, hashes, settings, features, progress)
    timings["measure"] = time.monotonic() - started
    results: dict[str, Any] = {
        "schema_version": 1,
        "title": "Invariance against strength",
        "version": __version__,
        "settings": {
            "factors": settings.model_dump(mode="json"),
            "strengths": {
                name: {"quantities": FACTORS[name].quantities, "steps": FACTORS[name].steps}
                for name in settings.factors
            },
            "encoders": list(job.encoders),
            "datasets": list(job.datasets),
            "size": job.size,
        },
        "sets": {
            name: {"images": len(data), "content_hash": hashes[name], "columns": list(data.labels)}
            for name, data in sets.items()
        },
        "systems": systems,
        "timings": timings,
        "store": None,
    }
    write_results(results, out / "results.json")
    write_atomic(out / "results.csv", curves_csv(results).encode())
    written = [out / "results.json", out / "results.csv"]
    for key in MEASURES:
        picture = curves_picture(results, key)
        if picture:
            written.append(out / f"curves{key.removeprefix('factor_curves')}.png")
            write_atomic(written[-1], picture)
    main_measure, *others = MEASURES
    for name in sets:
        print(f"\n{curves_table(results, name, main_measure)}")
        areas = (areas_table(results, name, key) for key in others)
        print("".join(f"\n{table}\n" for table in areas if table), end="")
    print(f"\nresults: {', '.join(map(str, written))}")


def open_sets(job: Job) -> dict[str, LabelledSet]:
    """The chosen images of every data set, by name."""
    sets: dict[str, LabelledSet] = {}
    for word in job.datasets:
        name, data = named_dataset(word)
        if name in sets:
            raise VidclError(f"Two data sets are named '{name}': rename one.")
        if len(data) < 2:
            raise VidclError(f"{word} holds one image: give at least two, to tell them apart.")
        check_columns(data, word, job.settings)
        sets[name] = chosen(data, job.settings)
    if not sets:
        raise VidclError("Name at least one data set: --datasets NAME:PATH.")
    return sets


def check_columns(data: LabelledSet, word: str, settings: FactorSettings) -> None:
    """A set need not have the usual columns, but one that was asked for."""
    usual = FactorSettings()
    for name in ("instance_column", "class_column"):
        column = getattr(settings, name)
        if column != getattr(usual, name) and column not in data.labels:
            raise VidclError(
                f"{word} has no label column '{column}': choose one of {', '.join(data.labels)} "
                f"with --{name.replace('_', '-')}."
            )


def open_encoders(job: Job) -> list[OpenEncoder]:
    """The encoders asked for, and the controls that are not among them."""
    for word in job.encoders:
        if named_spec(word)[1].startswith("features:"):
            raise VidclError(f"'{word}' cannot see changed images: give an encoder, no features.")
    encoders = [
        open_encoder(
            word,
            size=job.size,
            device=job.device,
            batch_size=job.batch_size,
            seed=job.settings.seed,
        )
        for word in job.encoders
    ]
    networks = [encoder for encoder in encoders if encoder.module is not None]
    controls = [open_encoder(word) for word in PLAIN]
    if networks:
        controls.insert(
            0,
            random_twin(
                networks[0],
                device=job.device,
                batch_size=job.batch_size,
                seed=job.settings.seed,
            ),
        )
    fingerprints = {encoder.fingerprint for encoder in encoders}
    encoders += [control for control in controls if control.fingerprint not in fingerprints]
    names = [encoder.name for encoder in encoders] + [CHANCE]
    for name in names:
        if names.count(name) > 1:
            raise VidclError(f"Two rows are named '{name}': rename one with NAME=ENCODER.")
    return encoders


def write_sheet(path: Path, data: LabelledSet, job: Job) -> None:
    if path.suffix.lower() != ".png":
        raise VidclError(f"Give --sheet a file that ends in .png, not '{path}'.")
    if not 0 <= job.sheet_image < len(data):
        raise VidclError(f"--sheet-image is 0 to {len(data) - 1}, not {job.sheet_image}.")
    source, settings = image_source(data), job.settings
    other = None
    if settings.occluder == "image":
        other = source.image((job.sheet_image + 1) % len(data))
    sheet = contact_sheet(
        np.asarray(source.image(job.sheet_image)),
        settings.seed,
        factors=settings.factors,
        severities=(UNTOUCHED, *settings.severities),
        other=other,
    )
    with atomic_path(path) as aside:
        Image.fromarray(sheet).save(aside, format="PNG")
    print(f"sheet: {path}")


if __name__ == "__main__":
    sys.exit(main())
