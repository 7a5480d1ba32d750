"""An encoder as an ONNX graph."""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from vidcl.errors import VidclError, require
from vidcl.models.encoder import Encoder
from vidcl.models.metadata import to_metadata


class _Both(nn.Module):
    """Features and the head's projections of them."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.backbone(images)
        return features, self.head(features)


def write_onnx(encoder: Encoder, head: nn.Module | None, path: Path) -> None:
    """Write a graph from ``images`` to ``features``, and to ``projections`` where there is a head.

    Images are float32 [N, channels, size, size], N free, already resized and normalised; the
    graph's ``metadata_props`` give ``size``, ``mean`` and ``std`` as ``to_metadata`` does.

    Raises:
        VidclError: a package is missing, or the network has an operation ONNX cannot express.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):  # the last reads the file back
        require(package, "vidcl[export]")
    size = encoder.preprocessing.size
    backbone = copy.deepcopy(encoder.backbone).cpu().eval()
    network = backbone if head is None else _Both(backbone, copy.deepcopy(head).cpu().eval())
    try:
        with _quiet():
            program = torch.onnx.export(
                network,
                (torch.zeros(2, encoder.architecture.channels, size, size),),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("N")},),
                input_names=["images"],
                output_names=["features"] if head is None else ["features", "projections"],
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise VidclError(
            f"{encoder.architecture.name} cannot be written as ONNX ({reason}): give --format "
            "safetensors."
        ) from error
    assert program is not None
    model = program.model
    # torch notes the source line of every node, with the paths of the machine it ran on
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
    model.metadata_props.update(to_metadata(encoder))
    program.save(str(path), external_data=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on its own parts; its errors are raised all the same."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
