"""Typed configuration: frozen models beside their owners, YAML presets, and errors that help."""

import difflib
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from vidcl.errors import VidclError

C = TypeVar("C", bound="Config")


class Config(BaseModel):
    """Base of every configuration: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def load_config(path: str | Path, kind: type[C]) -> C:
    """Read a YAML file into ``kind``.

    Raises:
        VidclError: the file is missing, is not YAML, or does not fit; a misspelt key is answered
            with the nearest one that exists.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VidclError(f"Cannot read the configuration {path}: {error}.") from error
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise VidclError(f"{path} is not valid YAML: {reason}.") from error
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise VidclError(f"{path} must hold 'key: value' lines, not a {type(values).__name__}.")
    return parse_config(values, kind, source=str(path))


def parse_config(values: dict[str, Any], kind: type[C], source: str = "configuration") -> C:
    """Validate plain values (as read from YAML or JSON) into ``kind``.

    Raises:
        VidclError: one sentence for the first problem.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise VidclError(_explain(error, kind, source)) from error


def dump_config(config: Config) -> str:
    """The configuration as YAML that ``load_config`` reads back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _explain(error: ValidationError, kind: type[Config], source: str) -> str:
    first = error.errors()[0]
    owner, location = _owner(kind, first["loc"][:-1])
    where = ".".join(str(part) for part in (*location, *first["loc"][-1:]))
    if first["type"] == "extra_forbidden":
        known = list(owner.model_fields)
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}."
        return f"{source}: unknown key '{where}'; {hint}"
    return f"{source}: {_reason(where, first)}"


def refused(error: ValidationError) -> VidclError:
    """What to say of settings from a command line that do not fit."""
    first = error.errors()[0]
    option = ".".join(map(str, first["loc"])).replace("_", "-")
    text = _reason(f"--{option}" if option else "", first)
    return VidclError(text if option else f"These settings do not fit: {text}")


def _reason(where: str, first: Any) -> str:
    """The first of the errors of a validation, in a sentence."""
    text = first["msg"].removeprefix("Value error, ")
    if isinstance(first["input"], dict | BaseModel):  # a rule between several settings
        return f"{where}: {text}." if where else f"{text}."
    return f"{where}: {text} (got {first['input']!r})."


def _owner(
    kind: type[BaseModel], location: tuple[int | str, ...]
) -> tuple[type[BaseModel], tuple[int | str, ...]]:
    """The class a location leads into, and the location without the tags of unions."""
    choices: list[type[BaseModel]] = []
    path: list[int | str] = []
    for part in location:
        tagged = [choice for choice in choices if _tag(choice) == part]
        if len(choices) > 1 and tagged:
            kind, choices = tagged[0], []
            continue
        path.append(part)
        field = kind.model_fields.get(str(part))
        if field is not None:
            choices = _models_in(field.annotation)
            kind = choices[0] if choices else kind
    return kind, tuple(path)


def _tag(kind: type[BaseModel]) -> Any:
    """What tells a class from the others of its union."""
    field = kind.model_fields.get("name")
    return field.default if field is not None else None


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The configuration classes inside an annotation such as ``Inner | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models_in(part)]
