"""Refuse to mix two configurations in one store."""

from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.tracks.extraction.plan import Plan

#: Fields that came later, and the value that does what was done before there was the field.
_BEFORE = {"decoder": "pyav", "time_tolerance": None}


def check_same(plan: Plan, kind: str, settings: dict[str, Any], store: Path) -> None:
    """Refuse to mix two configurations in one store.

    Raises:
        VidclError: names the first field that differs.
    """
    if plan.kind != kind:
        raise VidclError(
            f"The store {store} holds {plan.kind} tracks: give {kind} tracks another --out."
        )
    before = {name: value for name, value in _BEFORE.items() if name in settings}
    old, new = _flatten({**before, **plan.settings}), _flatten(settings)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            flag = f"--{name.replace('_', '-')} {old.get(name)}"
            raise VidclError(
                f"The store {store} was made with {name} = {old.get(name)}, not "
                f"{new.get(name)}: use the old value ({flag}), or another --out."
            )


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat
