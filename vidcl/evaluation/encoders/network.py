"""A network as an opened encoder."""

from dataclasses import asdict
from typing import Literal

from vidcl.evaluation.embed import feature_batches
from vidcl.evaluation.encoders.fingerprint import encoder_facts, network_fingerprint
from vidcl.evaluation.encoders.opened import OpenEncoder
from vidcl.evaluation.encoders.published import PublishedEncoder, published_facts
from vidcl.models.encoder import Encoder


def network_encoder(
    encoder: Encoder,
    name: str,
    kind: Literal["trained", "control"],
    *,
    device: str | None = None,
    batch_size: int = 256,
) -> OpenEncoder:
    """Wrap a network; its features are those of ``vidcl.evaluation.embed.embed``."""
    if isinstance(encoder, PublishedEncoder):
        facts = published_facts(encoder)
    else:
        facts = encoder_facts(encoder)
    told = {"architecture": asdict(encoder.architecture), "preprocessing": facts}
    return OpenEncoder(
        name,
        kind,
        network_fingerprint(encoder, told),
        encoder.feature_dim,
        facts,
        lambda source, start: feature_batches(
            encoder, source, start=start, batch_size=batch_size, device=device
        ),
        module=encoder,
    )
