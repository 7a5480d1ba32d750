"""What a file of weights says about its network, and what is assumed where it is silent."""

import json
from typing import Any

from torch import Tensor

from vidcl.errors import VidclError
from vidcl.models.backbones import TIMM, require_timm
from vidcl.models.encoder import Architecture, Encoder, Preprocessing
from vidcl.models.layouts import input_size


def to_metadata(encoder: Encoder) -> dict[str, str]:
    """The entries ``from_metadata`` reads: texts, because safetensors and ONNX keep only texts.

    ``mean`` and ``std`` are JSON lists of three numbers, of RGB in [0, 1].
    """
    facts = encoder.preprocessing
    return {
        "architecture": encoder.architecture.name,
        "stem": encoder.architecture.stem,
        "branches": str(encoder.architecture.branches),
        "channels": str(encoder.architecture.channels),
        "features": str(encoder.feature_dim),
        "size": str(facts.size),
        "mean": json.dumps(facts.mean),
        "std": json.dumps(facts.std),
    }


def from_metadata(
    metadata: dict[str, Any] | None, source: str
) -> tuple[Architecture, Preprocessing] | None:
    """Architecture and preprocessing, or None where the file does not say.

    Raises:
        VidclError: it says something that cannot be meant.
    """
    if not metadata or not {"architecture", "stem", "size", "mean", "std"} <= metadata.keys():
        return None
    stem = metadata["stem"]
    try:
        size = int(metadata["size"])
        branches = int(metadata.get("branches", 1))
        channels = int(metadata.get("channels", 3))
        mean, std = (tuple(map(float, json.loads(metadata[key]))) for key in ("mean", "std"))
    except (TypeError, ValueError) as error:
        raise VidclError(f"The metadata of {source} cannot be read ({error}).") from error
    if (
        stem not in ("imagenet", "small")
        or min(size, branches, channels) < 1
        or len(mean) != 3
        or len(std) != 3
    ):
        raise VidclError(
            f"The metadata of {source} cannot be meant (stem {stem}, size {size}, mean {mean}, std "
            f"{std}): export the encoder again."
        )
    architecture = Architecture(metadata["architecture"], stem, branches, channels)
    return architecture, Preprocessing(size, mean, std)


def default_preprocessing(arch: str | None, state: dict[str, Tensor]) -> Preprocessing:
    """What is assumed of a file that does not say: 224 px and ImageNet's normalisation.

    A vision transformer takes the size of its position table. A timm name with a tag
    (``timm:NAME.TAG``) takes what timm knows of that tag.
    """
    size = input_size(state, otherwise=0)
    if arch and arch.startswith(TIMM) and "." in arch:
        try:
            known = require_timm().models.get_pretrained_cfg(
                arch.removeprefix(TIMM), allow_unregistered=False
            )
        except RuntimeError as error:
            raise VidclError(
                f"timm knows no weights {arch.removeprefix(TIMM)}: leave the tag out."
            ) from error
        return Preprocessing(size or known.input_size[-1], tuple(known.mean), tuple(known.std))
    return Preprocessing(size) if size else Preprocessing()
