"""Anything that makes a feature of an image, opened by one word."""

from vidcl.evaluation.encoders.open import SPECS, named_spec, open_encoder
from vidcl.evaluation.encoders.opened import OpenEncoder
from vidcl.evaluation.encoders.random_twin import random_twin

__all__ = ["SPECS", "OpenEncoder", "named_spec", "open_encoder", "random_twin"]
