"""``vidcl probe``: tables of features in, what can be read off them out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from vidcl.commands.options import parse
from vidcl.evaluation.probes.config import ProbeConfig, ProbeName
from vidcl.progress import show_progress

if TYPE_CHECKING:
    import pyarrow as pa

    from vidcl.datasets.labelled import LabelledSet
    from vidcl.evaluation.encoders import OpenEncoder


@dataclass(frozen=True)
class Options:
    """Probe frozen features: k-NN, linear, logistic, SVM (mAP), few-shot, regression, rotation.

    Give a training and a test table, as vidcl embed writes them. One table is cut in two, by its
    column 'split' or by instance; --encoder with --images embeds one first. Rotation needs the
    encoder and the images themselves. Every probe is repeated on i.i.d. features of the same shape.

    Examples:
      vidcl probe train.parquet test.parquet --out results.json
      vidcl probe objects.parquet --probes knn linear few-shot regression
      vidcl probe voc.parquet --probes svm
      vidcl probe --encoder runs/region_track --images photos/ --probes knn rotation
    """

    tables: tyro.conf.Positional[tuple[str, ...]]
    """TRAIN.parquet TEST.parquet, or one table of both."""
    settings: Annotated[ProbeConfig, tyro.conf.arg(name="")]
    probes: tuple[ProbeName, ...] = ("knn", "linear")
    """What to measure, in this order."""
    encoder: str | None = None
    """A run, a file of weights, random:BACKBONE, raw-pixels, ...: whatever vidcl embeds with."""
    images: str | None = None
    """An image set for --encoder: a folder, a Parquet file, or KIND:PATH."""
    size: int | None = None
    """Side in pixels of the encoder's input, where it does not say."""
    device: str | None = None
    """Where the encoder runs; a GPU when there is one."""
    name: str | None = None
    """The system's name in the results; the encoder's or the last table's otherwise."""
    chance: bool = True
    """Probe i.i.d. features too; it takes as long again."""
    out: Path | None = None
    """Write results.json here too."""


def run(argv: list[str]) -> int:
    default = Options(tables=(), settings=ProbeConfig())
    options = parse(Options, argv, prog="probe", default=default)
    from vidcl.evaluation.probes.results import probe_results, probes_text, table_facts
    from vidcl.evaluation.results import write_results
    from vidcl.evaluation.table import table_metadata

    _check(options)
    encoder, images = _opened(options)
    entries, iid, tables, told = _measured(options, encoder, images)
    last = tables[-1]
    stem = Path(options.tables[-1]).stem if options.tables else "images"
    set_name = str(table_metadata(last).get("set") or stem)
    system = options.name or (encoder.name if encoder is not None else stem)
    for sentence in told["warnings"]:
        print(f"note: {sentence}")
    print(f"\n{system} on {set_name}: {told['how']}\n")
    print(probes_text("probe", entries, iid))
    if options.out is not None:
        results = probe_results(
            system,
            set_name,
            entries,
            iid,
            kind="trained" if encoder is None else encoder.kind,
            facts=table_facts(last),
            settings={
                "probes": list(options.probes),
                "probe": options.settings.model_dump(mode="json"),
                "split": told["how"],
                "tables": [Path(word).name for word in options.tables],
                "training_set": table_facts(tables[0]) if len(options.tables) == 2 else None,
                "encoder": None
                if encoder is None
                else {"name": encoder.name, "fingerprint": encoder.fingerprint},
            },
            warnings=told["warnings"],
        )
        write_results(results, options.out)
        print(f"\nresults: {options.out}\nnext:    vidcl report {options.out.parent}")
    return 0


def _check(options: Options) -> None:
    from vidcl.errors import VidclError

    if not options.probes or len(set(options.probes)) < len(options.probes):
        raise VidclError("Name the probes to run, each of them once: --probes knn linear.")
    if len(options.tables) > 2:
        raise VidclError("Give one table, or a training and a test table.")
    if (options.encoder is None) != (options.images is None):
        raise VidclError("Give --encoder and --images together.")
    if not options.tables and options.encoder is None:
        raise VidclError(
            "Name the tables to probe (Parquet files written by vidcl embed), or an --encoder and "
            "its --images."
        )
    if "rotation" in options.probes and options.encoder is None:
        raise VidclError(
            "The rotation probe turns the images before they are embedded: give --encoder and "
            "--images."
        )


def _opened(options: Options) -> tuple["OpenEncoder | None", "LabelledSet | None"]:
    if options.encoder is None or options.images is None:
        return None, None
    from vidcl.datasets.registry import open_dataset
    from vidcl.errors import VidclError
    from vidcl.evaluation.encoders import named_spec, open_encoder

    if "rotation" in options.probes and named_spec(options.encoder)[1].startswith("features:"):
        raise VidclError(
            "A file of features cannot embed turned images: give --encoder a network for the "
            "rotation probe."
        )
    encoder = open_encoder(
        options.encoder, size=options.size, device=options.device, seed=options.settings.seed
    )
    return encoder, open_dataset(options.images)


def _measured(
    options: Options, encoder: "OpenEncoder | None", images: "LabelledSet | None"
) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None, list["pa.Table"], dict[str, Any]]:
    """Entries, those of i.i.d. features, the tables read, and what is to be said about them."""
    from vidcl.evaluation.controls import iid_table
    from vidcl.evaluation.embed import read_embeddings
    from vidcl.evaluation.probes.tables import shared_instances, split_table
    from vidcl.evaluation.table import table_features

    config = options.settings
    plain: list[ProbeName] = [name for name in options.probes if name != "rotation"]
    tables = [read_embeddings(file) for file in options.tables]
    turned = None
    if encoder is not None and images is not None:
        if plain and not tables:
            with show_progress("embed", unit="images") as progress:
                tables = [encoder.table(images, progress)]
        if "rotation" in options.probes:
            turned = _turned_table(encoder, images)
    how = "all turns of an image on one side"
    warnings: list[str] = []
    pair: tuple[pa.Table, pa.Table] | None = None
    if plain and len(tables) == 2:
        pair, how = (tables[0], tables[1]), "training and test tables as given"
        shared = shared_instances(*pair, config)
        if shared:
            warnings.append(
                f"{shared} instances have views in both tables, so the probes may know a test "
                f"image by its own instance."
            )
    elif plain:
        *both, how = split_table(tables[0], config)
        pair = both[0], both[1]
    whole = tables[0] if len(tables) == 1 else None

    def probed(chance: bool) -> list[dict[str, Any]]:
        def seen(table: "pa.Table", offset: int) -> "pa.Table":
            if not chance:
                return table
            return iid_table(table, table_features(table).shape[1], config.seed + offset)

        sides = None if pair is None else (seen(pair[0], 1), seen(pair[1], 2))
        rows = None if whole is None else seen(whole, 3)
        spun = None if turned is None else seen(turned, 4)
        label = "probe i.i.d. features" if chance else "probe"
        return _entries(options.probes, sides, rows, spun, config, label)

    entries = probed(False)
    iid = probed(True) if options.chance else None
    tables = tables or ([] if turned is None else [turned])
    return entries, iid, tables, {"how": how, "warnings": warnings}


def _entries(
    probes: Sequence[ProbeName],
    pair: "tuple[pa.Table, pa.Table] | None",
    whole: "pa.Table | None",
    turned: "pa.Table | None",
    config: ProbeConfig,
    label: str,
) -> list[dict[str, Any]]:
    from vidcl.evaluation.probes.rotation import rotation_probe
    from vidcl.evaluation.probes.run import run_probes
    from vidcl.evaluation.probes.tables import has_instances, rows_of

    entries: list[dict[str, Any]] = []
    with show_progress(label, unit="probes") as progress:
        for done, name in enumerate(probes, 1):
            if name != "rotation":
                assert pair is not None
                entries += run_probes([name], *pair, config, episodes_from=whole)
            else:
                assert turned is not None
                rows = rows_of(turned, config)
                # Without instances every row is one of its own: the image is the instance then.
                known = has_instances(turned, config)
                groups = rows.groups if known else rows.column("image_number")
                entries.append(
                    rotation_probe(
                        rows.features,
                        groups=groups[::4],
                        test_share=config.test_share,
                        l2=config.logistic_l2,
                        bootstrap=config.bootstrap,
                        seed=config.seed,
                    )
                )
            progress(done, len(probes))
    return entries


def _turned_table(encoder: "OpenEncoder", images: "LabelledSet") -> "pa.Table":
    from vidcl.evaluation.probes.rotation import rotated_set

    with show_progress("embed turned images", unit="images") as progress:
        return encoder.table(rotated_set(images), progress)
