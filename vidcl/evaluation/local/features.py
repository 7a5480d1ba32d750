"""Local features: the intermediate feature maps of an encoder, a vector at every location.

Chen, Luo & Li, Intriguing Properties of Contrastive Losses (2011.02803), section 3: the vectors at
all locations of a feature map are brought to unit length and clustered (``location_clusters``);
painted back on the image,
low layers group edges and colours, high ones parts and objects. Patches of raw pixels are the
control.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vidcl.errors import VidclError
from vidcl.evaluation.embed import embed
from vidcl.evaluation.images import ImageData
from vidcl.evaluation.table import table_features
from vidcl.models.backbones import SIZE_ERRORS
from vidcl.models.encoder import Encoder
from vidcl.progress import Progress

#: Layers named in an error, at most.
NAMED = 12


class LocalMaps(nn.Module):
    """An encoder that gives its intermediate maps instead of its feature, for ``embed``.

    Attributes:
        shapes: layer -> (C, h, w) of its map, in the order asked for.
        preprocessing: the encoder's, with the size that is asked for.
    """

    def __init__(
        self, encoder: Encoder, layers: Sequence[str] | None = None, size: int | None = None
    ) -> None:
        """
        Args:
            encoder: whose ``backbone`` holds the layers; it is used, not copied.
            layers: names of modules of the backbone (``layer3``, ``layer4.0``) that give [N, C, H,
                W] once per pass; a network with its channels last (Swin) would be misread. By
                default all ``layerN``, the stages of a ResNet.
            size: side of the input in pixels instead of the encoder's own, for finer maps.

        Raises:
            VidclError: there is no such layer, it gives no map, or the network cannot work at this
                size.
        """
        super().__init__()
        own = encoder.preprocessing
        self.preprocessing = own if size is None else replace(own, size=size)
        self.encoder = Encoder(
            encoder.backbone, encoder.feature_dim, self.preprocessing, encoder.architecture
        )
        there = map_shapes(self.encoder)
        names = stages(there) if layers is None else list(dict.fromkeys(layers))
        missing = [name for name in names if name not in there]
        if missing or not names:
            asked = f"no map {' or '.join(missing)}" if missing else "no layer1, layer2, ..."
            raise VidclError(
                f"{encoder.architecture.name} has {asked}: name layers among "
                f"{_listed(list(there))}."
            )
        self.shapes = {name: there[name] for name in names}

    def preprocess(self, images: Tensor) -> Tensor:
        """uint8 [N, 3, h, w] -> float32 [N, 3, S, S], as the encoder does."""
        return self.encoder.preprocess(images)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised [N, 3, S, S] -> all maps side by side, each location at unit length, as rows
        of h * w * C values per layer."""
        caught: dict[str, Tensor] = {}

        def catch(name: str, output: Tensor) -> None:
            # at once: later layers may write into the same memory
            caught[name] = unit_locations(output).flatten(1)

        with _hooked(self.encoder.backbone, list(self.shapes), catch):
            self.encoder(images)
        return torch.cat([caught[name] for name in self.shapes], 1)

    def split(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Rows of ``forward`` as maps: layer -> float32 [N, h, w, C]."""
        maps, start = {}, 0
        for name, (channels, height, width) in self.shapes.items():
            stop = start + channels * height * width
            maps[name] = rows[:, start:stop].reshape(len(rows), height, width, channels)
            start = stop
        return maps


def local_features(
    encoder: Encoder,
    data: ImageData,
    layers: Sequence[str] | None = None,
    *,
    size: int | None = None,
    batch_size: int = 32,
    device: str | torch.device | None = None,
    progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """The feature maps of images, each location at unit length (a zero vector stays zero).

    Args:
        encoder: in evaluation mode while this runs; its flags and device are put back.
        data: a labelled set, a folder of images, or uint8 [N, H, W, 3].
        layers, size: as of ``LocalMaps``.
        batch_size: images per forward pass; the maps do not depend on it.
        device: where to run; by default a GPU when there is one, else where the encoder is.
        progress: called with (images done, images in all).

    Returns:
        Layer -> float32 [N, h, w, C].

    Raises:
        VidclError: as ``LocalMaps`` and ``embed``.
    """
    maps = LocalMaps(encoder, layers, size)
    table = embed(maps, data, batch_size=batch_size, device=device, progress=progress)
    return maps.split(table_features(table))


def unit_locations(maps: Tensor) -> Tensor:
    """[N, C, h, w] -> float32 [N, h, w, C], each location at length one or zero."""
    rows = maps.detach().permute(0, 2, 3, 1).float()
    norms = rows.norm(dim=3, keepdim=True)
    return rows / torch.where(norms == 0, torch.ones_like(norms), norms)


def raw_patches(images: np.ndarray, patch: int, *, unit: bool = True) -> np.ndarray:
    """Squares of raw pixels, the control of ``local_features``.

    Args:
        images: uint8 [N, H, W, 3].
        patch: side of the squares, in pixels, side by side from the upper left corner; what is left
            over at the right and at the bottom is dropped on both sides alike.
        unit: bring each to length one, as the maps are.

    Returns:
        float32 [N, H // patch, W // patch, 3 * patch^2], values in [0, 1].

    Raises:
        VidclError: the patch does not fit.
    """
    count, height, width = images.shape[:3]
    if not 1 <= patch <= min(height, width):
        raise VidclError(f"A patch of {patch} px does not fit images of {width} x {height} px.")
    rows, columns = height // patch, width // patch
    top, left = (height - rows * patch) // 2, (width - columns * patch) // 2
    inner = images[:, top : top + rows * patch, left : left + columns * patch]
    cut = inner.reshape(count, rows, patch, columns, patch, 3).transpose(0, 1, 3, 2, 4, 5)
    values = cut.reshape(count, rows, columns, -1).astype(np.float32) / 255
    if not unit:
        return values
    norms = np.linalg.norm(values, axis=3, keepdims=True)
    return values / np.where(norms == 0, 1, norms)


def map_shapes(encoder: Encoder) -> dict[str, tuple[int, int, int]]:
    """(C, h, w) of every module of the backbone that gives one map [N, C, h, w] per pass, found by
    showing it one black image; in the order of the pass.

    Raises:
        VidclError: the network cannot work at the size of the preprocessing.
    """
    backbone, size = encoder.backbone, encoder.preprocessing.size
    caught: dict[str, list[Tensor | None]] = {}

    def catch(name: str, output: Any) -> None:
        is_map = isinstance(output, Tensor) and output.dim() == 4
        caught.setdefault(name, []).append(output if is_map else None)

    names = [name for name, _ in backbone.named_modules() if name]
    flags = [(part, part.training) for part in backbone.modules()]
    device = next((tensor.device for tensor in backbone.parameters()), torch.device("cpu"))
    backbone.eval()  # BatchNorm is left as it was
    try:
        with _hooked(backbone, names, catch), torch.inference_mode():
            backbone(torch.zeros(1, 3, size, size, device=device))
    except SIZE_ERRORS as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".!")[:120]
        raise VidclError(
            f"{encoder.architecture.name} cannot work on images of {size} px ({reason}): give "
            "another size."
        ) from error
    finally:
        for part, flag in flags:
            part.training = flag
    return {
        name: (outputs[0].shape[1], outputs[0].shape[2], outputs[0].shape[3])
        for name, outputs in caught.items()
        if len(outputs) == 1 and outputs[0] is not None
    }


def stages(names: Sequence[str] | dict[str, Any]) -> list[str]:
    """Those named layer1, layer2, ..., in the order of their numbers."""
    return sorted(
        (name for name in names if re.fullmatch(r"layer\d+", name)), key=lambda name: int(name[5:])
    )


def _listed(names: list[str]) -> str:
    """The outermost layers that give maps, at most ``NAMED``."""
    outer = [name for name in names if not any(name.startswith(f"{other}.") for other in names)]
    rest = len(names) - len(outer[:NAMED])
    if not outer:
        return "none of its layers"
    return ", ".join(outer[:NAMED]) + (f" and {rest} within or after them" if rest else "")


@contextmanager
def _hooked(backbone: nn.Module, names: Sequence[str], catch: Any) -> Iterator[None]:
    """``catch(name, output)`` is called whenever one of the modules has run."""
    handles = [
        backbone.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: catch(name, output)
        )
        for name in names
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
