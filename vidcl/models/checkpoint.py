"""Checkpoints: written whole or not at all, read without executing anything."""

import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vidcl.errors import VidclError
from vidcl.files import atomic_path
from vidcl.models.backbones import known_name
from vidcl.models.encoder import (
    Architecture,
    Encoder,
    Preprocessing,
    build_encoder,
    random_encoder,
)
from vidcl.models.heads import head_of
from vidcl.models.layouts import check_size, differences, grouped, identify, some, take_apart
from vidcl.models.metadata import default_preprocessing, from_metadata
from vidcl.models.spaces import OneSpace, Spaces
from vidcl.models.weights import read_weights, unwrap

__all__ = [
    "Encoder",
    "Trained",
    "load_checkpoint",
    "load_encoder",
    "load_trained",
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
    content = read_weights(Path(path))
    if content.get("format") != FORMAT:
        raise VidclError(f"{path} is not a training checkpoint of vidcl: give a run's last.pt.")
    _check_version(content, Path(path))
    return content


@dataclass(frozen=True)
class Trained:
    """What a file of weights gave."""

    encoder: Encoder
    head: nn.Module | None
    """Projection head, [N, feature_dim] -> [N, dim], in evaluation mode, where there is one."""
    left_out: tuple[str, ...]
    """Names of the file's tensors that are in neither: a classifier, the key encoder, the queue."""


def load_encoder(
    path_or_run: str | Path,
    *,
    arch: str | None = None,
    size: int | None = None,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
    space: int | None = None,
) -> Encoder:
    """The trained encoder of a run or a file, in evaluation mode, on the CPU.

    Arguments and errors are those of ``load_trained``. Tensors of a foreign file that the encoder
    has no use for are named in a warning.

    Args:
        space: of a network with several embedding spaces (LooC): give the projection into this one
            instead of the feature.

    Raises:
        VidclError: there is no such space.
    """
    trained = load_trained(path_or_run, arch=arch, size=size, mean=mean, std=std)
    if trained.left_out:
        warnings.warn(
            f"{path_or_run} is read as {trained.encoder.architecture.name}; not used: "
            f"{grouped(trained.left_out)}",
            stacklevel=2,
        )
    return trained.encoder if space is None else _into_space(trained, space, str(path_or_run))


def _into_space(trained: Trained, space: int, source: str) -> Encoder:
    """The encoder followed by the head of one space."""
    encoder, head = trained.encoder, trained.head
    count = len(head) if isinstance(head, Spaces) else 0
    if not isinstance(head, Spaces) or not 0 <= space < count:
        spaces = f"spaces 0 to {count - 1}" if count else "no embedding spaces of its own"
        raise VidclError(f"{source} has {spaces}: there is none of number {space}.")
    projection = nn.Sequential(encoder.backbone, head, OneSpace(space)).eval()
    dim = projection(
        torch.zeros(1, encoder.architecture.channels, *[encoder.preprocessing.size] * 2)
    ).shape[1]
    return Encoder(projection, dim, encoder.preprocessing, encoder.architecture).eval()


def load_trained(
    path_or_run: str | Path,
    *,
    arch: str | None = None,
    size: int | None = None,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
) -> Trained:
    """The encoder of a run or a file and its projection head.

    Args:
        path_or_run: a run folder (its ``checkpoints/last.pt``), a checkpoint of vidcl, an official
            MoCo checkpoint, a state dict of torchvision or timm, or a safetensors file.
        arch: the backbone's name (see ``vidcl.models.backbones``), for files whose tensors do not
            speak for themselves. Known by their shapes are torchvision's ResNets and the plain
            vision transformers.
        size, mean, std: the preprocessing of files that do not carry their own. By default 224 px
            (of a transformer: the size of its position table) and ImageNet's normalisation; where
            ``arch`` is a name of timm with a tag (``timm:vit_small_patch16_224.augreg_in21k``),
            timm's for that tag.

    Raises:
        VidclError: there is nothing, it is not a checkpoint, it says itself what it is and the
            arguments say otherwise, or its tensors do not fill a known network; what did not match
            is listed.
    """
    path = Path(path_or_run)
    if path.is_dir():
        if not (path / LAST).is_file():
            raise VidclError(f"{path} holds no {LAST}: give a run folder of 'vidcl train'.")
        path = path / LAST
    content = read_weights(path)
    if content.get("format") == FORMAT:
        _check_version(content, path)
        parts = take_apart(content["method"])
        kept = content["preprocessing"]
        own = Preprocessing(kept["size"], tuple(kept["mean"]), tuple(kept["std"]))
        told: tuple[Architecture, Preprocessing] | None
        told = (Architecture(**content["architecture"]), own)
        parts = replace(parts, others=())  # nothing in our own file is a surprise
    else:
        parts = take_apart(unwrap(content))
        told = from_metadata(content.get("metadata"), str(path))
    facts: dict[str, Any] = {"size": size, "mean": mean, "std": std}
    given = {name: value for name, value in facts.items() if value is not None}
    if told is None:
        named = arch or known_name(content.get("arch"))
        preprocessing = replace(default_preprocessing(arch, parts.backbone), **given)
        check_size(parts.backbone, preprocessing, str(path))
        told = (
            identify(parts.backbone, named, preprocessing.size, str(path), only=arch is not None),
            preprocessing,
        )
    elif arch not in (None, told[0].name) or replace(told[1], **given) != told[1]:
        raise VidclError(
            f"{path} says itself that it is {told[0].name} for images of {told[1].size} px: leave "
            "out what says otherwise."
        )
    encoder = build_encoder(*told)
    unused = [parts.prefix + name for name in _fill(encoder.backbone, parts.backbone, str(path))]
    head = head_of(parts.head, encoder.feature_dim)
    if head is None:
        unused += [parts.head_prefix + name for name in parts.head]
    return Trained(encoder, head, (*unused, *parts.others))


def _fill(network: nn.Module, state: dict[str, Tensor], source: str) -> tuple[str, ...]:
    """Load a state into its network; the names of a classifier's tensors, which it has not."""
    wrong = differences(network, state)
    if wrong:
        raise VidclError(
            f"{source} does not fit its own network: {len(wrong)} tensors differ in name or shape: "
            f"{some(wrong)}."
        )
    wanted = network.state_dict().keys()
    network.load_state_dict({name: state[name] for name in state if name in wanted})
    return tuple(name for name in state if name not in wanted)


def _check_version(content: dict[str, Any], path: Path) -> None:
    if content["version"] > VERSION:
        raise VidclError(
            f"{path} has checkpoint version {content['version']} and this vidcl reads up to "
            f"{VERSION}: install a newer vidcl to read it."
        )
