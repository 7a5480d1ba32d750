"""Read an export back the way another program would: with its own library, not with our loader."""

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from vidcl.errors import VidclError, require
from vidcl.models.backbones import TIMM, build_backbone
from vidcl.models.encoder import Encoder


def read_back(
    path: Path, format: str, encoder: Encoder, head: nn.Module | None, batch: Tensor
) -> list[Tensor]:
    """Features [N, D], and projections [N, dim] where there is a head, of a written file.

    Args:
        path: the file.
        format: how it was written, a ``Format``.
        encoder: tells the network to build; its weights are not used.
        head: tells the head to build; its weights are not used.
        batch: normalised float32 [N, 3, size, size].

    Raises:
        VidclError: the library's network has other tensors than the file.
    """
    if format == "onnx":
        return _run_onnx(path, batch)
    name, stem = encoder.architecture.name, encoder.architecture.stem
    if format == "timm" and not name.startswith(TIMM):
        name = TIMM + name
    network, _ = build_backbone(
        name,
        stem=stem,
        size=encoder.preprocessing.size,
        branches=encoder.architecture.branches,
        channels=encoder.architecture.channels,
    )
    if format == "safetensors":
        state = require("safetensors.torch", "vidcl[export]").load_file(str(path))
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    if format == "moco":
        # the official networks have the head as fc, behind the same features
        network.add_module("fc", nn.Identity() if head is None else _blank(head))
        state = {
            key.removeprefix("module.encoder_q."): value
            for key, value in state["state_dict"].items()
        }
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:3]]
        raise VidclError(
            f"{name} of {format} has other tensors than this encoder ({' '.join(lines)[:200]}): "
            "give --format safetensors."
        ) from error
    network.eval()
    with torch.no_grad():
        outputs = network(batch)
        if format != "moco" or head is None:
            return [outputs]
        network.add_module("fc", nn.Identity())
        return [network(batch), outputs]


def _blank(head: nn.Module) -> nn.Module:
    """The head with other weights."""
    blank = copy.deepcopy(head)
    for tensor in blank.state_dict().values():
        tensor.zero_()
    return blank


def _run_onnx(path: Path, batch: Tensor) -> list[Tensor]:
    """Outputs of a graph, the batch in two unequal parts: the batch size must be free."""
    runtime = require("onnxruntime", "vidcl[export]")
    session = runtime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    parts = [session.run(None, {"images": part.numpy()}) for part in (batch[:1], batch[1:])]
    return [
        torch.cat([torch.from_numpy(part) for part in both]) for both in zip(*parts, strict=True)
    ]
