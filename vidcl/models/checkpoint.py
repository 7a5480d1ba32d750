"""Checkpoints: written whole or not at all, read without executing anything."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vidcl.errors import VidclError
from vidcl.files import atomic_path
from vidcl.models.encoder import (
    Architecture,
    Encoder,
    Preprocessing,
    build_encoder,
    random_encoder,
)
from vidcl.models.layouts import backbone_state, identify

__all__ = [
    "Encoder",
    "export_state_dict",
    "load_checkpoint",
    "load_encoder",
    "random_encoder",
    "save_checkpoint",
]

FORMAT = "vidcl-checkpoint"
VERSION = 1
LAST = Path("checkpoints") / "last.pt"


def save_checkpoint(
    path: str | Path,
    *,
    step: int,
    method: nn.Module,
    architecture: Architecture,
    preprocessing: Preprocessing,
    config: str,
    optimizer: dict[str, Any] | None = None,
    data: dict[str, int] | None = None,
) -> None:
    """Write a training state.

    Args:
        step: optimiser steps done.
        method: whose ``state_dict`` is kept; its trained network is ``encoder_q.backbone``.
        config: the run's configuration, as YAML.
        data: numbers that tell the training data from others.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "step": step,
        "architecture": asdict(architecture),
        "preprocessing": asdict(preprocessing),
        "config": config,
        "method": method.state_dict(),
        "optimizer": optimizer,
        "data": data,
    }
    with atomic_path(path) as aside:
        torch.save(content, aside)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """The content of a file that ``save_checkpoint`` wrote, on the CPU.

    Raises:
        VidclError: it cannot be read, is something else, or a newer vidcl wrote it.
    """
    content = _read(Path(path))
    if content.get("format") != FORMAT:
        raise VidclError(f"{path} is not a training checkpoint of vidcl: give a run's last.pt.")
    if content["version"] > VERSION:
        raise VidclError(
            f"{path} has checkpoint version {content['version']} and this vidcl reads up to "
            f"{VERSION}: install a newer vidcl to read it."
        )
    return content


def load_encoder(path_or_run: str | Path) -> Encoder:
    """The trained encoder of a run, in evaluation mode, on the CPU.

    Args:
        path_or_run: a run folder (its ``checkpoints/last.pt``), a checkpoint of vidcl, an official
            MoCo checkpoint, or a torchvision state dict (for these two: 224 px, ImageNet
            normalisation).

    Raises:
        VidclError: there is nothing, it is not a checkpoint, or its tensors do not fit a known
            network; what did not match is listed.
    """
    path = Path(path_or_run)
    if path.is_dir():
        if not (path / LAST).is_file():
            raise VidclError(f"{path} holds no {LAST}: give a run folder of 'vidcl train'.")
        path = path / LAST
    content = _read(path)
    if content.get("format") == FORMAT:
        content = load_checkpoint(path)
        facts = content["preprocessing"]
        preprocessing = Preprocessing(facts["size"], tuple(facts["mean"]), tuple(facts["std"]))
        encoder = build_encoder(Architecture(**content["architecture"]), preprocessing)
        state = backbone_state(content["method"])
    else:
        arch = content.get("arch")
        state = backbone_state(content.get("state_dict", content))
        encoder = build_encoder(identify(state, arch, str(path)), Preprocessing())
    encoder.backbone.load_state_dict(state)
    return encoder


def export_state_dict(
    encoder: Encoder, layout: Literal["torchvision", "moco"] = "torchvision"
) -> dict[str, Tensor]:
    """The backbone's tensors under the names that other programs read.

    Args:
        layout: ``torchvision`` (``conv1.weight``, no ``fc``) or ``moco``
            (``module.encoder_q.conv1.weight``; stored as ``{"state_dict": ...}``, the official
            linear evaluation reads it).
    """
    prefix = {"torchvision": "", "moco": "module.encoder_q."}[layout]
    state = encoder.backbone.state_dict()
    return {prefix + name: tensor.detach().clone() for name, tensor in state.items()}


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise VidclError(f"There is no checkpoint at {path}: give a run folder or a .pt file.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    # torch reports damage as pickle, zip, runtime, type, key, end-of-file and Unicode errors alike
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")[:120]
        raise VidclError(
            f"{path} is not a checkpoint that can be read safely ({type(error).__name__}: "
            f"{reason}): give a file written by 'vidcl train', or a state dict."
        ) from error
    if not isinstance(content, dict):
        raise VidclError(f"{path} holds a {type(content).__name__}, not a checkpoint.")
    return content
