"""Files of weights, read without executing anything: PyTorch's and safetensors."""

import re
from pathlib import Path
from typing import Any

import torch

from vidcl.errors import VidclError, require

#: Where programs keep the state dict inside the dictionary they save.
WRAPPINGS = ("state_dict", "model")


def read_weights(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, on the CPU.

    Returns:
        What ``torch.save`` was given, a dictionary; of a safetensors file ``{"state_dict": {name:
        tensor}, "metadata": {key: text}}``.

    Raises:
        VidclError: there is no such file, it is cut short or something else, or it holds pickled
            objects beside its tensors (they could run code, so they are never unpickled).
    """
    if not path.is_file():
        raise VidclError(f"There is no checkpoint at {path}: give a run folder or a .pt file.")
    if _is_safetensors(path):
        return _read_safetensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    # torch reports damage as pickle, zip, runtime, type, key, end-of-file and Unicode errors alike
    except Exception as error:
        raise VidclError(_explain(path, error)) from error
    if not isinstance(content, dict):
        raise VidclError(f"{path} holds a {type(content).__name__}, not a checkpoint.")
    return content


def unwrap(content: dict[str, Any]) -> dict[str, Any]:
    """The state dict inside what was saved around it (``{"state_dict": ..., "epoch": ...}``)."""
    for key in WRAPPINGS:
        if isinstance(content.get(key), dict):
            return content[key]
    return content


def _is_safetensors(path: Path) -> bool:
    """A header's length in eight bytes, then JSON; whatever the file is called."""
    with path.open("rb") as file:
        start = file.read(9)
    return path.suffix == ".safetensors" or start[8:] == b"{"


def _read_safetensors(path: Path) -> dict[str, Any]:
    safetensors = require("safetensors", "vidcl[export]")
    try:
        with safetensors.safe_open(str(path), "pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return {"state_dict": state, "metadata": file.metadata() or {}}
    except safetensors.SafetensorError as error:
        raise VidclError(
            f"{path} is no whole safetensors file ({error}): copy or write it again."
        ) from error


def _explain(path: Path, error: Exception) -> str:
    said = str(error)
    found = re.search(r"GLOBAL (\S+) was not an allowed global", said)
    if found:
        return (
            f"{path} holds a pickled {found[1]} beside its tensors, which could run code and is "
            "not read: save the state dict alone, with torch.save(model.state_dict(), FILE)."
        )
    reason = (said.splitlines() or [type(error).__name__])[0].rstrip(".")[:120]
    return (
        f"{path} is not a checkpoint that can be read safely ({type(error).__name__}: "
        f"{reason}): give a file written by 'vidcl train', or a state dict."
    )
