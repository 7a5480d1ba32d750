"""Settings of a measurement from the command line."""

from collections.abc import Sequence
from typing import Any

import yaml

from vidcl.config import parse_config
from vidcl.errors import VidclError
from vidcl.tracks.config import FollowConfig


def follow_config(changes: Sequence[str], **fixed: Any) -> FollowConfig:
    """The default configuration with ``KEY=VALUE`` changes on top of ``fixed`` ones.

    Args:
        changes: such as ``min_confidence=0.3``; values are read as YAML, so ``null`` is None.

    Raises:
        VidclError: a change is not of that form, or names no setting, or does not fit it.
    """
    values = dict(fixed)
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise VidclError(f"'{change}' changes nothing: write KEY=VALUE.")
        try:
            values[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise VidclError(f"'{change}': {value} is not a value.") from error
    return parse_config(values, FollowConfig, "--follow")
