"""Whose names a state dict uses, and which network fits its shapes."""

from typing import Any

import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.models.backbones import NAMES, Stem, build_backbone
from vidcl.models.encoder import Architecture

#: Where the backbone's tensors stand: our own, the official MoCo's, a bare DDP wrap, torchvision's.
PREFIXES = ("encoder_q.backbone.", "module.encoder_q.", "module.", "")
#: Tensors of a classifier or a projection head, which an encoder has not.
HEADS = ("fc.", "head.")


def backbone_state(state: dict[str, Any]) -> dict[str, Tensor]:
    """The backbone's tensors under torchvision's names, heads and everything else left out."""
    for prefix in PREFIXES:
        found = {
            name.removeprefix(prefix): tensor
            for name, tensor in state.items()
            if isinstance(tensor, Tensor) and name.startswith(prefix)
        }
        if found:
            break
    return {name: tensor for name, tensor in found.items() if not name.startswith(HEADS)}


def identify(state: dict[str, Tensor], arch: str | None, source: str) -> Architecture:
    """The network whose tensors have exactly these names and shapes.

    Args:
        state: as ``backbone_state`` gives it.
        arch: the name that the file gives, tried first.
        source: named in the error.

    Raises:
        VidclError: none fits; lists the tensors that differ from the nearest one.
    """
    tiny = "layer1.conv1.weight" in state  # its stages are single blocks
    names = sorted(NAMES, key=lambda name: (name != arch, (name == "resnet_tiny") != tiny))
    stems: tuple[Stem, ...] = ("imagenet", "small")
    given = {name: tuple(tensor.shape) for name, tensor in state.items()}
    best: tuple[int, str, list[str]] = (0, "", [])
    for name in names:
        for stem in stems:
            with torch.device("meta"):
                network, _ = build_backbone(name, stem=stem)
            wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
            if wanted == given:
                return Architecture(name, stem)
            matched = sum(given.get(key) == shape for key, shape in wanted.items())
            if matched > best[0]:
                wrong = [k for k in wanted | given if wanted.get(k) != given.get(k)]
                best = (matched, name, wrong)
    known = ", ".join(NAMES)
    if not best[0]:
        have = ", ".join(list(given)[:6]) or "no tensors"
        raise VidclError(f"Nothing in {source} matches a known network ({known}): it holds {have}.")
    listed = ", ".join(best[2][:6]) + (", ..." if len(best[2]) > 6 else "")
    raise VidclError(
        f"{source} fits no known network ({known}): the nearest is {best[1]}, and {len(best[2])} "
        f"tensors differ in name or shape: {listed}."
    )
