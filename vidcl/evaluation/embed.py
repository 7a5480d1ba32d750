"""Embed images: any encoder and any image set become one Arrow table of features and labels."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from vidcl.evaluation.images import ImageData, ImageSource
from vidcl.evaluation.reading import CHUNK, ahead, chunks, hashed_source
from vidcl.evaluation.table import embedding_table, read_embeddings, write_embeddings

__all__ = ["embed", "feature_batches", "read_embeddings", "write_embeddings"]

#: Decoded images of one shape are prepared together up to so many pixels; it bounds the memory of
#: large photographs.
PIXELS_AT_ONCE = 1 << 21
#: Larger images are made small by the threads for a GPU too: a batch of them would fill the memory.
LARGE = 1 << 20


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
    The next batch is decoded in background threads while the network works on this one.

    Args:
        encoder: ``preprocess(uint8 [N, 3, h, w])`` gives its input, calling it gives [N, D];
            ``preprocess`` is called from several threads.
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
    source = hashed_source(data)
    features: list[np.ndarray] = []
    done = 0
    with closing(feature_batches(encoder, source, batch_size=batch_size, device=device)) as batches:
        for batch in batches:
            features.append(batch)
            done += len(batch)
            if progress is not None:
                progress(done, source.count)
    size = getattr(getattr(encoder, "preprocessing", None), "size", None)
    metadata = {
        "encoder": name or type(encoder).__name__,
        "size": None if size is None else int(size),
        "set": source.name,
        "images": source.count,
        "content_hash": source.content_hash(),
    }
    return embedding_table(np.concatenate(features), source.labels, metadata)


def feature_batches(
    encoder: Any,
    source: ImageSource,
    *,
    start: int = 0,
    batch_size: int = 256,
    device: str | torch.device | None = None,
    workers: int | None = None,
) -> Generator[np.ndarray, None, None]:
    """Features float32 [n, D] of the images from ``start`` on, in order, batch by batch.

    On a CPU the background threads prepare the network's input too; for a GPU they decode, and
    pixels travel as bytes, but for large images. Close it (``contextlib.closing``) when it is not
    read to its end: the encoder is then put back as it was.

    Args:
        workers: background threads (default: one per core); 0 for none.

    Raises:
        VidclError: an image cannot be read; it is named.
    """
    home = _device_of(encoder)
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else home))
    on_cpu = where.type == "cpu"

    def work(first: int, last: int) -> list[Tensor]:
        with torch.inference_mode():
            images = (source.image(index) for index in range(first, last))
            return [
                encoder.preprocess(group).contiguous()
                if on_cpu or group[0, 0].numel() > LARGE
                else group
                for group in _groups(images)
            ]

    spans = chunks(start, source.count, batch_size)
    per_batch = -(-batch_size // CHUNK)
    with (
        _evaluating(encoder, where, home),
        closing(ahead(work, spans, depth=per_batch, workers=workers)) as ready,
    ):
        waiting: Tensor | None = None
        for first in range(start, source.count, batch_size):
            here = -(-(min(first + batch_size, source.count) - first) // CHUNK)
            groups = [group for _ in range(here) for group in next(ready)]
            with torch.inference_mode():  # not across a yield: it would hold for the caller
                batch = torch.cat(groups) if on_cpu else _prepared(encoder, groups, where)
                features = encoder(batch).float()
            if on_cpu:
                yield features.numpy()
                continue
            # a GPU is given its next batch before anybody waits for this one
            if waiting is not None:
                yield waiting.cpu().numpy()
            waiting = features
        if waiting is not None:
            yield waiting.cpu().numpy()


def _groups(images: Iterable[np.ndarray]) -> Iterator[Tensor]:
    """Neighbours uint8 [h, w, 3] of one shape as [n, 3, h, w], contiguous, each of limited size."""
    group: list[np.ndarray] = []
    for image in images:
        full = image[..., 0].size * (len(group) + 1) > PIXELS_AT_ONCE
        if group and (full or image.shape != group[0].shape):
            yield _stacked(group)
            group = []
        group.append(image)
    if group:
        yield _stacked(group)


def _stacked(images: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def _prepared(encoder: Any, groups: list[Tensor], device: torch.device) -> Tensor:
    """The encoder's input on its device, from bytes and from what threads have prepared;
    neighbours of one shape are moved and prepared together."""
    joined: list[list[Tensor]] = []
    for group in groups:
        last = joined[-1][0] if joined else None
        if last is not None and (last.shape[1:], last.dtype) == (group.shape[1:], group.dtype):
            joined[-1].append(group)
        else:
            joined.append([group])
    moved = [_moved(torch.cat(same), device) for same in joined]
    return torch.cat([encoder.preprocess(x) if x.dtype == torch.uint8 else x for x in moved])


def _moved(images: Tensor, device: torch.device) -> Tensor:
    """To a GPU through pinned memory, so that the copy need not be waited for."""
    if device.type != "cuda":
        return images.to(device)
    return images.pin_memory().to(device, non_blocking=True)


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
