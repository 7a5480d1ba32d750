"""Write a trained encoder in the formats of other programs, each read back and compared."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from vidcl.errors import VidclError, require
from vidcl.files import atomic_path
from vidcl.models.backbones import RESNETS, SMALL, TIMM, require_timm
from vidcl.models.checkpoint import Trained
from vidcl.models.encoder import Encoder
from vidcl.models.metadata import to_metadata
from vidcl.models.onnx_file import write_onnx
from vidcl.models.readback import read_back

Format = Literal["torchvision", "timm", "moco", "safetensors", "onnx"]

#: Largest difference of an output after reading back, as a share of the largest output: the same
#: operations on the same numbers, or (ONNX) the same numbers in another program.
TOLERANCE = {"onnx": 1e-4}
SAME = 1e-5
#: Images in the batch that exports are compared on.
IMAGES = 3
#: Names of the official MoCo's query encoder inside its DistributedDataParallel.
MOCO = "module.encoder_q."


@dataclass(frozen=True)
class Exported:
    """What reading the file back gave."""

    difference: float
    """Largest absolute difference of an output on the fixed batch."""
    scale: float
    """Largest absolute output on the fixed batch."""
    head: bool
    """Whether the projection head is in the file."""


def export(
    trained: Trained,
    path: str | Path,
    format: Format,
    *,
    head: bool = False,
    overwrite: bool = False,
) -> Exported:
    """Write the encoder whole or not at all, and only if reading it back gives the same outputs.

    Args:
        trained: from ``load_trained``. Layout ``moco`` takes the projection head along where there
            is one.
        path: the file to write.
        format: ``torchvision``, ``timm``: a state dict under that library's names, without
            classifier; ``moco``: the official MoCo's checkpoint (``{"arch", "state_dict"}``);
            ``safetensors``: the backbone's tensors with its name and preprocessing as metadata;
            ``onnx``: a graph of any batch size from ``images``, normalised float32
            [N, 3, size, size], to ``features`` [N, D].
        head: onnx only: a second output ``projections`` [N, dim], the head's, not normalised.
        overwrite: replace a file that is there.

    Raises:
        VidclError: the file is there, the format has no place for this network, a package is
            missing, or what was read back differs; then nothing is left at ``path`` that was not
            there before.
    """
    path = Path(path)
    if path.is_dir() or (path.exists() and not overwrite):
        raise VidclError(f"{path} is there already: give another --out, or --overwrite.")
    if head and (format != "onnx" or trained.head is None):
        raise VidclError(
            "A projection head can be added to an onnx export of a vidcl run or a MoCo checkpoint "
            "only: leave out --head."
        )
    _check_format(trained.encoder, format)
    with atomic_path(path) as aside:
        written = trained.head if head or format == "moco" else None
        _write(trained, aside, format, written)
        return _compare(trained, aside, path, format, written)


def export_state_dict(
    encoder: Encoder, layout: Literal["torchvision", "moco"] = "torchvision"
) -> dict[str, Tensor]:
    """The backbone's tensors under the names that other programs read.

    Args:
        layout: ``torchvision`` (``conv1.weight``, no ``fc``) or ``moco``
            (``module.encoder_q.conv1.weight``; stored as ``{"state_dict": ...}``, the official
            linear evaluation reads it).
    """
    prefix = {"torchvision": "", "moco": MOCO}[layout]
    return _tensors(encoder.backbone, prefix)


def fixed_batch(size: int, channels: int = 3) -> Tensor:
    """The images that exports are compared on, float32 [IMAGES, channels, size, size], always the
    same."""
    return torch.randn(IMAGES, channels, size, size, generator=torch.Generator().manual_seed(0))


def _check_format(encoder: Encoder, format: Format) -> None:
    name = encoder.architecture.name
    is_timm = name.startswith(TIMM)
    if encoder.architecture.branches > 1 and format in ("torchvision", "timm", "moco"):
        raise VidclError(
            f"{name} with {encoder.architecture.branches} last stages is no network that {format} "
            "knows: give --format safetensors or onnx."
        )
    if encoder.architecture.channels != 3 and format in ("torchvision", "timm", "moco"):
        raise VidclError(
            f"A network for images of {encoder.architecture.channels} channels is none that "
            f"{format} knows: give --format safetensors or onnx."
        )
    if format == "torchvision" and (is_timm or name in SMALL):
        # timm's plain ResNets have torchvision's names, but nothing says which are plain
        raise VidclError(
            f"{name} is no network of torchvision: give --format "
            f"{'timm' if is_timm else 'safetensors'}."
        )
    if format == "moco" and name not in RESNETS:
        raise VidclError(
            f"The official MoCo reads ResNets of torchvision, and this is {name}: give --format "
            f"{'timm' if is_timm else 'safetensors'}."
        )
    if format == "timm" and not is_timm and not require_timm().is_model(name):
        raise VidclError(f"{name} is no network of timm: give --format safetensors.")


def _write(trained: Trained, path: Path, format: Format, head: nn.Module | None) -> None:
    encoder = trained.encoder
    if format == "onnx":
        write_onnx(encoder, head, path)
    elif format == "safetensors":
        files = require("safetensors.torch", "vidcl[export]")
        metadata = {"format": "pt", **to_metadata(encoder)}
        files.save_file(_tensors(encoder.backbone), str(path), metadata)
    elif format == "moco":
        state = _tensors(encoder.backbone, MOCO)
        if head is not None:
            state |= _tensors(head, MOCO + "fc.")
        torch.save({"arch": encoder.architecture.name, "state_dict": state}, path)
    else:
        torch.save(_tensors(encoder.backbone), path)


def _compare(
    trained: Trained, aside: Path, path: Path, format: Format, head: nn.Module | None
) -> Exported:
    """Outputs of the file against the encoder's.

    Raises:
        VidclError: they differ.
    """
    encoder = trained.encoder
    batch = fixed_batch(encoder.preprocessing.size, encoder.architecture.channels)
    with torch.no_grad():
        features = copy.deepcopy(trained.encoder).cpu().eval()(batch)
        expected = [features]
        if head is not None:
            expected.append(copy.deepcopy(head).cpu().eval()(features))
        found = read_back(aside, format, trained.encoder, head, batch)
    scale = max(float(output.abs().max()) for output in expected)
    differences = [
        float((a - b).abs().max()) if a.shape == b.shape else float("inf")
        for a, b in zip(expected, found, strict=True)
    ]
    worst = max(differences)
    limit = TOLERANCE.get(format, SAME) * scale
    if not worst <= limit:  # so that NaN is refused too
        raise VidclError(
            f"{path} was not written: read back as {format}, its outputs differ by {worst:.3g} "
            f"(outputs up to {scale:.3g}, allowed {limit:.3g})."
        )
    return Exported(worst, scale, head is not None)


def _tensors(module: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    """A copy of a module's state on the CPU, contiguous, each name behind ``prefix``."""
    return {
        prefix + name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in module.state_dict().items()
    }
