"""Whose names a state dict uses, and which network fits its shapes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from vidcl.errors import VidclError
from vidcl.models.backbones import BASIC_RESNETS, RESNETS, TIMM, Stem, build_backbone
from vidcl.models.encoder import Architecture, Preprocessing

#: Where a backbone's tensors stand, and where its projection head's do: our own methods', the
#: official MoCo's with and without its DDP wrap, a bare DDP wrap, plain. A head of None: what is
#: there is a classifier.
LAYOUTS = (
    ("encoder_q.backbone.", "encoder_q.head."),
    ("module.encoder_q.", "module.encoder_q.fc."),
    ("encoder_q.", "encoder_q.fc."),
    ("module.", None),
    ("", None),
)
#: Tensors of a classifier or a projection head, which an encoder has not.
HEADS = ("fc.", "head.", "heads.", "head_dist.", "classifier.")
#: A counter that state dicts written by PyTorch before 0.4.1 have not; nothing reads it.
COUNTER = "num_batches_tracked"
#: Names of tensors in a sentence.
MANY = 6
#: Widths of the vision transformers by timm's and by torchvision's names.
TIMM_VITS = {192: "tiny", 384: "small", 768: "base", 1024: "large", 1280: "huge"}
TORCHVISION_VITS = {768: "b", 1024: "l", 1280: "h"}


@dataclass(frozen=True)
class Parts:
    """A state dict taken apart; tensors under their own module's names."""

    backbone: dict[str, Tensor]
    head: dict[str, Tensor]  # of the projection head; empty where there is none
    others: tuple[str, ...]  # full names of what is neither
    prefix: str  # of the backbone's tensors in the file
    head_prefix: str


def take_apart(state: dict[str, Any]) -> Parts:
    """Find the backbone's tensors by their prefix, and the projection head's beside them."""
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    prefix, head = next(
        layout for layout in LAYOUTS if any(name.startswith(layout[0]) for name in (*tensors, ""))
    )
    inside = {name for name in tensors if name.startswith(prefix)}
    heads = {name for name in tensors if head is not None and name.startswith(head)}
    return Parts(
        {name.removeprefix(prefix): tensors[name] for name in tensors if name in inside - heads},
        {name.removeprefix(head or ""): tensors[name] for name in tensors if name in heads},
        tuple(name for name in tensors if name not in inside | heads),
        prefix,
        head or "",
    )


def identify(
    state: dict[str, Tensor], arch: str | None, size: int, source: str, *, only: bool = False
) -> Architecture:
    """The network that has tensors of these names and shapes; a classifier may be left over.

    Known by their shapes are ``resnet_tiny``, torchvision's ResNets (MoCo's and timm's have the
    same names) and the plain vision transformers of timm and torchvision.

    Args:
        state: a backbone's tensors, ``take_apart(...).backbone``.
        arch: the network that the file or the user names, tried first.
        size: side of the images in pixels.
        source: named in the error.
        only: try nothing but ``arch``.

    Raises:
        VidclError: none fits; lists the tensors that differ from the nearest one.
    """
    names = [arch] if arch else []
    if not only:
        names += [name for name in guesses(state) if name != arch]
    nearest: tuple[int, str, list[str]] = (0, "", [])
    for name in names:
        stem = _stem(name, state)
        # without memory where that is known to work: torchvision's RegNets compute while built
        with torch.device("cpu" if name == arch else "meta"):
            network, _ = build_backbone(name, stem=stem, size=size)
        wrong = differences(network, state)
        if not wrong:
            return Architecture(name, stem)
        matched = sum(key in state and key not in wrong for key in network.state_dict())
        if matched > nearest[0]:
            nearest = (matched, name, wrong)
    known = ", ".join(names) or "resnet_tiny, torchvision's ResNets, vision transformers"
    if not nearest[0]:
        have = some(list(state)) or "no tensors"
        raise VidclError(
            f"Nothing in {source} matches a known network ({known}): it holds {have}; name the "
            "right one with --arch, as in timm:resnet50."
        )
    raise VidclError(
        f"{source} fits no known network ({known}): the nearest is {nearest[1]}, and "
        f"{len(nearest[2])} tensors differ in name or shape: {some(nearest[2])}; name the right "
        "one with --arch, as in timm:resnet50."
    )


def differences(network: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Names of tensors that keep a state from filling a network: missing, misshapen, or too many.

    A classifier's are none of them.
    """
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    given = {key: tuple(value.shape) for key, value in state.items()}
    missing = [
        key
        for key, shape in wanted.items()
        if given.get(key) != shape and not (key.endswith(COUNTER) and key not in given)
    ]
    return missing + [key for key in given if key not in wanted and not key.startswith(HEADS)]


def input_size(state: dict[str, Tensor], otherwise: int) -> int:
    """Side in pixels of the images a vision transformer's position table is for.

    Args:
        otherwise: the answer for all other networks.
    """
    for positions, patches in (
        ("pos_embed", "patch_embed.proj.weight"),
        ("encoder.pos_embedding", "conv_proj.weight"),
    ):
        if positions in state and patches in state and state[positions].dim() == 3:
            # one token more than patches where there is a class token
            return isqrt(state[positions].shape[1]) * state[patches].shape[-1]
    return otherwise


def check_size(state: dict[str, Tensor], preprocessing: Preprocessing, source: str) -> None:
    """Refuse another image size than that of a vision transformer's position table.

    Raises:
        VidclError: they differ.
    """
    side = input_size(state, preprocessing.size)
    if side != preprocessing.size:
        raise VidclError(
            f"{source} is for images of {side} px, not {preprocessing.size}: leave the size out."
        )


def guesses(state: dict[str, Tensor]) -> Iterator[str]:
    """Names of the networks that a state's tensors speak for."""
    if "layer1.conv1.weight" in state:  # its stages are single blocks
        yield "resnet_tiny"
    elif "layer1.0.conv1.weight" in state:
        bottleneck = "layer1.0.conv3.weight" in state
        yield from (name for name in RESNETS if (name not in BASIC_RESNETS) == bottleneck)
    if "patch_embed.proj.weight" in state and "blocks.0.attn.qkv.weight" in state:
        width, _, _, patch = state["patch_embed.proj.weight"].shape
        if width in TIMM_VITS:
            yield f"{TIMM}vit_{TIMM_VITS[width]}_patch{patch}_224"
    if "conv_proj.weight" in state and "encoder.pos_embedding" in state:
        width, _, _, patch = state["conv_proj.weight"].shape
        if width in TORCHVISION_VITS:
            yield f"vit_{TORCHVISION_VITS[width]}_{patch}"


def grouped(names: Sequence[str]) -> str:
    """Names of tensors for a sentence; many of one module are one entry, ``module.encoder_k.*``."""
    counts = Counter(".".join(name.split(".")[:2]) for name in names)
    entries = dict.fromkeys(
        f"{group}.* ({counts[group]} tensors)" if counts[group] > MANY else name
        for name in names
        for group in (".".join(name.split(".")[:2]),)
    )
    return some(list(entries))


def some(names: Sequence[str], most: int = MANY) -> str:
    """The first names of a list, for a sentence."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def _stem(name: str, state: dict[str, Tensor]) -> Stem:
    """The small stem's first convolution is 3x3."""
    is_resnet = name in RESNETS or name.startswith((f"{TIMM}resnet", f"{TIMM}resnext"))
    first = state.get("conv1.weight")
    return (
        "small" if is_resnet and first is not None and first.shape[1:] == (3, 3, 3) else "imagenet"
    )
