"""Train an encoder on the pairs of a track store, in one process or in several.

    python pipelines/pretrain.py laptop/region_track --data store --out runs/region_track
    torchrun --nproc-per-node 8 pipelines/pretrain.py region_track --data store --out runs/rt

CONFIG is a YAML file or a preset's name. The same command with --resume continues a run that was
stopped; --resume auto starts it or continues it, whichever is right (for schedulers that restart
jobs). Every setting can also be overridden by ``vidcl train``.
"""

import argparse
import os
import sys
from pathlib import Path

from vidcl.config import load_config
from vidcl.errors import VidclError
from vidcl.presets import find_preset
from vidcl.progress import show_progress


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", metavar="CONFIG", help="a YAML file or a preset's name")
    parser.add_argument("--data", type=Path, required=True, help="a track store (vidcl extract)")
    parser.add_argument("--out", type=Path, required=True, help="the run folder")
    parser.add_argument("--resume", nargs="?", const="yes", choices=("yes", "auto"), default="no")
    parser.add_argument("--steps", type=int, help="optimiser steps, instead of the preset's")
    parser.add_argument("--seed", type=int, help="instead of the preset's")
    options = parser.parse_args(argv)
    try:
        run(options)
    except VidclError as error:
        print(f"pretrain: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        print(f"\npretrain: {interrupt or 'stopped.'}", file=sys.stderr)
        return 130
    return 0


def run(options: argparse.Namespace) -> None:
    from vidcl.training.config import TrainConfig
    from vidcl.training.loop import train

    config = load_config(find_preset(options.config), TrainConfig)
    if options.seed is not None:
        config = config.model_copy(update={"seed": options.seed})
    if options.steps is not None:
        training = config.training.model_copy(update={"steps": options.steps})
        config = config.model_copy(update={"training": training})
    with show_progress("train", unit="steps") as progress:
        train(
            config,
            options.data,
            options.out,
            resume="auto" if options.resume == "auto" else options.resume == "yes",
            progress=progress,
        )
    if os.environ.get("RANK", "0") == "0":
        print(f"run:  {options.out}")
        print(f"next: vidcl embed {options.out} IMAGES --out features.parquet")


if __name__ == "__main__":
    sys.exit(main())
