"""Embed images: any encoder and any image set become one Arrow table of features and labels."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import nn

from vidcl.evaluation.images import ImageData, ImageSource, image_source
from vidcl.evaluation.table import embedding_table, read_embeddings, write_embeddings

__all__ = ["embed", "read_embeddings", "write_embeddings"]


def embed(
    encoder: Any,
    data: ImageData,
    *,
    batch_size: int = 256,
    device: str | torch.device | None = None,
    name: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pa.Table:
    """Features of every image of a labelled set, an image folder or a uint8 array [N, H, W, 3].

    The encoder (``vidcl.models.checkpoint.Encoder``, or any module with ``preprocess``) runs in
    evaluation mode without gradients; its training flags and its device are put back afterwards.

    Args:
        encoder: ``preprocess(uint8 [N, 3, h, w])`` gives its input, calling it gives [N, D].
        batch_size: images per forward pass; the features do not depend on it.
        device: where to run; by default a GPU when there is one, else where the encoder is.
        name: how the table names the encoder; its class name otherwise.
        progress: called with (images done, images in all).

    Returns:
        A table with ``feature`` (fixed-size list of D float32), the label columns, and in its
        metadata the encoder's name, the input size and the set's name, length and content hash.

    Raises:
        VidclError: there are no images, one cannot be read (it is named), or a feature is not
            finite.
    """
    source = image_source(data)
    home = _device_of(encoder)
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else home))
    features: list[np.ndarray] = []
    with _evaluating(encoder, where, home), torch.inference_mode():
        for first in range(0, source.count, batch_size):
            last = min(first + batch_size, source.count)
            batch = _preprocessed(encoder, source, first, last, where)
            features.append(encoder(batch).float().cpu().numpy())
            if progress is not None:
                progress(last, source.count)
    size = getattr(getattr(encoder, "preprocessing", None), "size", None)
    metadata = {
        "encoder": name or type(encoder).__name__,
        "size": None if size is None else int(size),
        "set": source.name,
        "images": source.count,
        "content_hash": source.content_hash(),
    }
    return embedding_table(np.concatenate(features), source.labels, metadata)


def _preprocessed(
    encoder: Any, source: ImageSource, first: int, last: int, device: torch.device
) -> torch.Tensor:
    """The encoder's input for images first..last; images of unlike size are prepared one by one."""
    images = [
        torch.from_numpy(np.array(source.image(index))).permute(2, 0, 1)
        for index in range(first, last)
    ]
    if len({image.shape for image in images}) == 1:
        return encoder.preprocess(torch.stack(images).to(device))
    return torch.cat([encoder.preprocess(image[None].to(device)) for image in images])


def _device_of(module: nn.Module) -> torch.device:
    for tensor in module.parameters():
        return tensor.device
    return torch.device("cpu")


@contextmanager
def _evaluating(module: nn.Module, device: torch.device, home: torch.device) -> Iterator[None]:
    """Evaluation mode on ``device`` inside; the old place and training flags afterwards."""
    flags = [(part, part.training) for part in module.modules()]
    module.eval().to(device)
    try:
        yield
    finally:
        module.to(home)
        for part, flag in flags:
            part.training = flag
