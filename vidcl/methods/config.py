"""Settings of the methods."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from vidcl.config import Config


class MoCoConfig(Config):
    """MoCo, with the symbols of the paper."""

    name: Literal["moco"] = "moco"
    """The method."""
    K: Annotated[int, Field(ge=1)] | None = None
    """Keys in the queue. Refused above half the crops; without it, K_max or half the crops."""
    K_max: Annotated[int, Field(ge=1)] = 65536
    """The queue's size where K is not given and the store is large enough."""
    m: Annotated[float, Field(ge=0.0, le=1.0)] = 0.999
    """Momentum of the key encoder."""
    m_end: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Momentum at the last step, reached along half a cosine (Grill et al. 2020, with 1.0); None:
    it stays at m."""
    T: Annotated[float, Field(gt=0.0)] = 0.2
    """Temperature."""
    mask_own_track: bool = True
    """Leave keys of the query's own track out of its negatives."""


class SimCLRConfig(Config):
    """SimCLR. Its negatives are the other pairs of the batch, so the batch should be large."""

    name: Literal["simclr"] = "simclr"
    """The method."""
    T: Annotated[float, Field(gt=0.0)] = 0.1
    """Temperature."""
    mask_own_track: bool = True
    """Leave views of the anchor's own track, but for its positive, out of its negatives."""


def _named(value: Any) -> str:
    """The method's name in a configuration; MoCo where none is given."""
    return value.get("name", "moco") if isinstance(value, dict) else value.name


MethodConfig = Annotated[
    Annotated[MoCoConfig, Tag("moco")] | Annotated[SimCLRConfig, Tag("simclr")],
    Discriminator(_named),
]
