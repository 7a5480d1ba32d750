"""A hash of everything that moves a network's features."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from vidcl.models.encoder import Encoder

#: Raise it whenever the code between an image's bytes and a feature changes its numbers: cached
#: features of older versions are then made anew.
VERSION = 1


def network_fingerprint(module: nn.Module, facts: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over the facts, and each tensor's name, type, shape and bytes.

    Args:
        facts: architecture and preprocessing, anything JSON can hold.
    """
    digest = hashlib.sha256(_facts(facts))
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy() if flat.numel() else b"")
    return digest.hexdigest()


def plain_fingerprint(facts: Mapping[str, Any], content: bytes = b"") -> str:
    """SHA-256 (hex) of what has no weights: its facts, and bytes it depends on."""
    return hashlib.sha256(_facts(facts) + content).hexdigest()


def encoder_facts(encoder: Encoder) -> dict[str, Any]:
    """What ``Encoder.preprocess`` does: the shorter side to ``resize`` px, then the centre."""
    kept = encoder.preprocessing
    return {
        "resize": kept.size,
        "crop": kept.size,
        "interpolation": "bilinear",
        "antialias": True,
        "mean": list(kept.mean),
        "std": list(kept.std),
    }


def _facts(facts: Mapping[str, Any]) -> bytes:
    return json.dumps([VERSION, dict(facts)], sort_keys=True).encode()
