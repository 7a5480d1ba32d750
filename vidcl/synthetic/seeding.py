"""Random numbers that depend on what they are for, never on the order of the work."""

from typing import Literal

import numpy as np

Stream = Literal["instance", "clip", "clip_background", "set_background", "factors"]
_CODES: dict[str, int] = {
    "instance": 1,
    "clip": 2,
    "clip_background": 3,
    "set_background": 4,
    "factors": 5,
}


def generator(seed: int, stream: Stream, *index: int) -> np.random.Generator:
    """The generator of one thing in the world (object 7, clip 12, ...)."""
    return np.random.default_rng([seed, _CODES[stream], *index])
