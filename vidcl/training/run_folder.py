"""The folder of a run: a new one, or one to go on with."""

import os
import warnings
from pathlib import Path
from typing import Any, Literal

import yaml

from vidcl.config import dump_config, parse_config
from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.models.checkpoint import LAST, load_checkpoint
from vidcl.training.config import TrainConfig

#: The checkpoint before the last one, for the case that the last is damaged.
PREVIOUS = LAST.parent / "previous.pt"

#: Settings that may differ between the parts of a run: none of them moves what is learnt up to the
#: checkpoint.
FREE = {
    "steps",
    "device",
    "compile",
    "decoded_cache_mb",
    "max_bad_crops",
    "prefetch",
    "log_every",
    "checkpoint_every",
    "keep_checkpoints",
    "callback_every",
    "tensorboard",
    "keep_best",
    "wandb",
}


def open_run(
    out: Path, config: TrainConfig, resume: bool | Literal["auto"]
) -> dict[str, Any] | None:
    """Find the last checkpoint of the run at ``out``; nothing is written.

    Args:
        resume: False: there must be no run yet; True: there must be one; ``auto``: either.

    Returns:
        The checkpoint to go on from, or None to begin.

    Raises:
        VidclError: a run is there and was not to be resumed, or none is there and was, or it was
            started with other settings.
    """
    kept = [path for path in (out / LAST, out / PREVIOUS) if path.is_file()]
    # a run that failed before its first log line left nothing to lose
    exists = bool(kept) or _is_filled(out / "metrics.jsonl")
    if exists and resume is False:
        raise VidclError(
            f"{out} already holds a run: continue it with --resume, or give another --out."
        )
    if not exists and resume is True:
        raise VidclError(f"There is no run at {out} to resume: leave out --resume to start one.")
    checkpoint = _newest(kept) if kept else None
    if checkpoint is not None:
        # through the parser, so that a setting younger than the run has its default
        then = parse_config(yaml.safe_load(checkpoint["config"]), TrainConfig, str(out / LAST))
        _compare(out, yaml.safe_load(dump_config(then)), yaml.safe_load(dump_config(config)))
    return checkpoint


def _is_filled(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _is_at(path: Path, step: int) -> bool:
    try:
        return bool(load_checkpoint(path)["step"] == step)
    except VidclError:
        return False


def _newest(paths: list[Path]) -> dict[str, Any]:
    """The first checkpoint that can be read.

    Raises:
        VidclError: none can; what is wrong with the first.
    """
    first: VidclError | None = None
    for path in paths:
        try:
            checkpoint = load_checkpoint(path)
        except VidclError as error:
            first = first or error
            continue
        if first is not None:
            warnings.warn(f"{first} Going on from {path}.", stacklevel=3)
        return checkpoint
    assert first is not None
    raise first


def begin_run(out: Path, config: TrainConfig, step: int) -> None:
    """Make the folder and write ``config.yaml``.

    Args:
        step: of the checkpoint that the run goes on from, 0 at a beginning. If that was
            ``previous.pt``, it takes the place of the last one, which is damaged or missing.
    """
    last, previous = out / LAST, out / PREVIOUS
    if step and previous.is_file() and not _is_at(last, step):
        os.replace(previous, last)
    write_atomic(out / "config.yaml", dump_config(config).encode())


def _compare(out: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    for name, value in _flat(now).items():
        before = _flat(then).get(name)
        if before != value and name not in {f"training.{key}" for key in FREE}:
            raise VidclError(
                f"{out} was started with {name} = {before}, not {value}: resume it with the "
                "same settings, or give another --out."
            )


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(values, dict):
        return {prefix: values}
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{prefix}.{key}" if prefix else key)
    return found
