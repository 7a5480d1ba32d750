"""``vidcl train``: a track store and a configuration in, a run folder with an encoder out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from vidcl.commands.options import first_positional, parse
from vidcl.config import load_config
from vidcl.presets import find_preset, preset_names
from vidcl.progress import show_progress
from vidcl.training.config import TrainConfig


@dataclass(frozen=True)
class Options:
    """Train an encoder on the pairs of a track store, or on a folder of images.

    CONFIG is a YAML file or the name of a preset. Every setting of it can be given on the command
    line too. Ctrl-C saves a checkpoint; --resume goes on from the last one, bit for bit on a CPU.

    Examples:
      vidcl train laptop/region_track --data store --out runs/region_track
      vidcl train laptop/moco --data store --out runs/moco --training.lr 0.002
      vidcl train laptop/moco --data store --out runs/moco --resume
      vidcl train moco --data store --out runs/moco --online val/ --training.keep-best knn
      vidcl train moco --data store --out runs/moco --online eth80:ETH80 \\
        --online-metrics invariance retrieval --training.callback-every 500
    """

    config: tyro.conf.Positional[str]
    """A YAML file or a preset's name."""
    data: Path
    """A track store (vidcl extract); for presets of still images also a folder of images, or a
    labelled set (Parquet)."""
    out: Path
    """The run folder: config.yaml, metrics.jsonl, checkpoints/."""
    settings: Annotated[TrainConfig, tyro.conf.arg(name="")]
    resume: bool = False
    """Go on from the run's last checkpoint."""
    knn: Path | None = None
    """A labelled set (a folder of class folders, or Parquet) to measure k-NN on while training,
    every --training.callback-every steps; and Recall@1 at any angle where it has instances."""
    online: str | None = None
    """A small labelled set (PATH or KIND:PATH, as vidcl evaluate takes it) to measure while
    training, every --training.callback-every steps, by the protocol of vidcl evaluate. It is
    decoded once and kept in memory: at most 5,000 images and 1 GB; a larger set is thinned out."""
    online_metrics: tuple[Literal["knn", "retrieval", "invariance"], ...] = ()
    """knn: class accuracy; retrieval: Recall@1, Recall@5, mAP of the same instance; invariance:
    RIS of the top 10 and 25 units with its chance, and whitened cosine. None named: all that the
    set's labels allow. --training.keep-best takes any number that is logged."""


def run(argv: list[str]) -> int:
    name = first_positional(argv)
    # Without a name only --help or an error can follow: any preset serves to show the settings.
    path = find_preset(name) if name else find_preset("laptop/moco")
    default = Options(
        config=str(path) if name else tyro.MISSING,  # type: ignore[arg-type]
        data=tyro.MISSING,  # type: ignore[arg-type]
        out=tyro.MISSING,  # type: ignore[arg-type]
        settings=load_config(path, TrainConfig),
    )
    if not name and not {"-h", "--help"} & set(argv):
        print(f"presets: {', '.join(preset_names())}")
    options = parse(Options, argv, prog="train", default=default)
    from vidcl.evaluation.online import online_callbacks
    from vidcl.training.loop import train

    keep_best = options.settings.training.keep_best
    callbacks = online_callbacks(options.knn, options.online, options.online_metrics, keep_best)
    with show_progress("train", unit="steps") as progress:
        train(
            options.settings,
            options.data,
            options.out,
            resume=options.resume,
            callbacks=callbacks,
            progress=progress,
        )
    print(f"run:  {options.out}\nnext: vidcl embed {options.out} IMAGES --out features.parquet")
    return 0
