"""The network that an encoder was before it was trained: its control."""

from dataclasses import replace

from vidcl.evaluation.encoders.network import network_encoder
from vidcl.evaluation.encoders.opened import OpenEncoder
from vidcl.evaluation.encoders.published import PublishedEncoder
from vidcl.models.checkpoint import random_encoder


def random_twin(
    like: OpenEncoder, *, device: str | None = None, batch_size: int = 256, seed: int = 0
) -> OpenEncoder:
    """The same architecture with fresh weights under the same preprocessing, ``random ARCH``.

    Raises:
        ValueError: ``like`` is no network.
    """
    if like.module is None:
        raise ValueError(f"{like.name} is no network and has no random twin.")
    fresh = random_encoder(like.module, seed)
    if isinstance(like.module, PublishedEncoder):
        fresh = PublishedEncoder(fresh, like.module.recipe).eval()
    name = f"random {like.module.architecture.name}"
    opened = network_encoder(fresh, name, "control", device=device, batch_size=batch_size)
    return replace(opened, facts=lambda source: {"seed": seed})
