"""Train an encoder on the pairs of a track store, in one process or in several.

    python pipelines/pretrain.py laptop/region_track --data store --out runs/region_track
    torchrun --nproc-per-node 8 pipelines/pretrain.py region_track --data store --out runs/rt
    python pipelines/pretrain.py region_track --data store --out runs/rt --ray-workers 8

CONFIG is a YAML file or a preset's name. The same command with --resume continues a run that was
stopped; --resume auto starts it or continues it, whichever is right (for schedulers that restart
jobs). With --ray-workers (needs vidcl[distributed]) Ray Train starts the processes, one GPU each
where there are GPUs, here or on the cluster of --ray-address; DATA and OUT must then be paths that
all its nodes share. Every setting can also be overridden by ``vidcl train``.
"""

import argparse
import os
import sys
from pathlib import Path

from vidcl.config import load_config
from vidcl.errors import VidclError, require
from vidcl.presets import find_preset
from vidcl.progress import show_progress


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", metavar="CONFIG", help="a YAML file or a preset's name")
    parser.add_argument("--data", type=Path, required=True, help="a store, or a folder of images")
    parser.add_argument("--out", type=Path, required=True, help="the run folder")
    parser.add_argument("--resume", nargs="?", const="yes", choices=("yes", "auto"), default="no")
    parser.add_argument("--steps", type=int, help="optimiser steps, instead of the preset's")
    parser.add_argument("--seed", type=int, help="instead of the preset's")
    parser.add_argument("--knn", type=Path, help="a labelled set to measure k-NN on meanwhile")
    parser.add_argument(
        "--online", help="a small labelled set to measure meanwhile: PATH, KIND:PATH"
    )
    parser.add_argument(
        "--online-metrics",
        nargs="+",
        default=(),
        choices=("knn", "retrieval", "invariance"),
        help="what to measure on it; without this all that its labels allow",
    )
    parser.add_argument("--ray-workers", type=int, help="processes that Ray Train starts")
    parser.add_argument("--ray-address", help="a Ray cluster; without it Ray starts here")
    options = parser.parse_args(argv)
    try:
        run_on_ray(options) if options.ray_workers else run(options)
    except VidclError as error:
        print(f"pretrain: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        print(f"\npretrain: {interrupt or 'stopped.'}", file=sys.stderr)
        return 130
    return 0


def run(options: argparse.Namespace) -> None:
    from vidcl.evaluation.online import online_callbacks
    from vidcl.training.config import TrainConfig
    from vidcl.training.loop import train

    config = load_config(find_preset(options.config), TrainConfig)
    if options.seed is not None:
        config = config.model_copy(update={"seed": options.seed})
    if options.steps is not None:
        training = config.training.model_copy(update={"steps": options.steps})
        config = config.model_copy(update={"training": training})
    callbacks = online_callbacks(
        options.knn, options.online, options.online_metrics, config.training.keep_best
    )
    with show_progress("train", unit="steps") as progress:
        train(
            config,
            options.data,
            options.out,
            resume="auto" if options.resume == "auto" else options.resume == "yes",
            callbacks=callbacks,
            progress=progress,
        )
    if os.environ.get("RANK", "0") == "0":
        print(f"run:  {options.out}")
        print(f"next: vidcl embed {options.out} IMAGES --out features.parquet")


def run_on_ray(options: argparse.Namespace) -> None:
    """``run`` in processes of Ray Train.

    Raises:
        VidclError: Ray Train is not installed, or a worker failed; what it said.
    """
    torch_train = require("ray.train.torch", "vidcl[distributed]")
    ray, ray_train = (
        require("ray", "vidcl[distributed]"),
        require("ray.train", "vidcl[distributed]"),
    )
    # workers have another working directory
    for name in ("data", "out", "knn"):
        if getattr(options, name) is not None:
            setattr(options, name, getattr(options, name).resolve())
    if options.online is not None:
        options.online = absolute_spec(options.online)
    preset = find_preset(options.config)
    options.config = str(preset.resolve())
    if options.ray_address:
        ray.init(address=options.ray_address)
    else:
        ray.init(address="local", include_dashboard=False)
    try:
        gpus = ray.cluster_resources().get("GPU", 0)
        trainer = torch_train.TorchTrainer(
            run,
            train_loop_config=options,
            scaling_config=ray_train.ScalingConfig(
                num_workers=options.ray_workers, use_gpu=gpus >= options.ray_workers
            ),
            run_config=ray_train.RunConfig(storage_path=str(options.out / "ray")),
        )
        trainer.fit()
    except ray.exceptions.RayError as error:
        raise VidclError(f"Ray Train stopped: {str(error).strip().splitlines()[-1]}") from error
    finally:
        ray.shutdown()


def absolute_spec(spec: str) -> str:
    """``PATH`` or ``KIND:PATH`` with its path resolved."""
    if Path(spec).exists():
        return str(Path(spec).resolve())
    kind, colon, path = spec.partition(":")
    return f"{kind}:{Path(path).resolve()}" if colon else spec


if __name__ == "__main__":
    sys.exit(main())
