"""Settings of the methods."""

from typing import Annotated, Literal

from pydantic import Field

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
    T: Annotated[float, Field(gt=0.0)] = 0.2
    """Temperature."""
    mask_own_track: bool = True
    """Leave keys of the query's own track out of its negatives."""
