"""Who computes the rough scores of a block: FAISS, or NumPy's and torch's matrix products.

A backend only proposes; ``search`` decides by the exact score. So all of them give the same ranks.

"auto" is FAISS where it can be imported (and, on a GPU, where the installed build searches there),
torch otherwise. One device is used, and FAISS is given ``GPU_SCRATCH`` of its memory instead of the
1.5 GB that it takes on its own.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Literal

import numpy as np
import torch

from vidcl.errors import VidclError, require
from vidcl.evaluation.retrieval.tiles import Tile

Backend = Literal["auto", "faiss", "torch"]
#: Given a tile and how many, rough scores float32 [Q, k] and rows of the block int64 [Q, k] (fewer
#: where the block is smaller), -inf for what may not be found.
Proposer = Callable[[Tile, int], tuple[np.ndarray, np.ndarray]]

#: Bytes of GPU memory that FAISS may use as scratch.
GPU_SCRATCH = 256 << 20
#: FAISS on the GPU finds at most so many neighbours.
GPU_MOST = 2048


def chosen_device(device: str) -> torch.device:
    """ "auto" is the GPU that torch uses by default, where it sees one.

    Raises:
        VidclError: a GPU is asked for and torch sees none.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise VidclError(f"torch sees no GPU for the device {device!r}: use --device cpu.")
    return torch.device(device)


def proposer(backend: Backend, device: torch.device) -> Proposer:
    """What proposes neighbours.

    Raises:
        VidclError: FAISS is asked for and cannot be imported, or searches on no GPU but should.
    """
    if backend == "torch":
        return torch_proposals
    try:
        # After torch, whose OpenMP runtime must come first (faiss issue 4273).
        faiss = require("faiss", "faiss-cpu")
    except VidclError:
        if backend == "faiss":
            raise
        return torch_proposals
    if device.type == "cpu":
        return _faiss_proposer(faiss)
    if hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0:
        return _faiss_gpu_proposer(faiss, device)
    if backend == "faiss":
        raise VidclError("This build of FAISS knows no GPU: install faiss-gpu, or use torch.")
    return torch_proposals


def torch_proposals(tile: Tile, k: int) -> tuple[np.ndarray, np.ndarray]:
    """By the matrix product of the tile, on its device."""
    values, rows = torch.topk(tile.scores(), min(k, len(tile.block)), dim=1)
    return values.cpu().numpy(), rows.cpu().numpy()


def _faiss_proposer(faiss: ModuleType) -> Proposer:
    def propose(tile: Tile, k: int) -> tuple[np.ndarray, np.ndarray]:
        values, rows = faiss.knn(
            tile.queries.numpy(),
            tile.block.numpy(),
            _with_barred(tile, k),
            metric=faiss.METRIC_INNER_PRODUCT,
        )
        return _without_barred(values, rows, tile, k)

    return propose


def _faiss_gpu_proposer(faiss: ModuleType, device: torch.device) -> Proposer:
    resources = faiss.StandardGpuResources()
    resources.setTempMemory(GPU_SCRATCH)
    number = torch.cuda.current_device() if device.index is None else device.index

    def propose(tile: Tile, k: int) -> tuple[np.ndarray, np.ndarray]:
        most = _with_barred(tile, k)
        if most > GPU_MOST:
            return torch_proposals(tile, k)
        values, rows = faiss.knn_gpu(
            resources,
            tile.queries.cpu().numpy(),
            tile.block.cpu().numpy(),
            most,
            metric=faiss.METRIC_INNER_PRODUCT,
            device=number,
        )
        return _without_barred(values, rows, tile, k)

    return propose


def _with_barred(tile: Tile, k: int) -> int:
    """How many to ask for so that k are left without the barred ones."""
    asking = tile.barred[0]
    most = int(np.bincount(asking).max()) if len(asking) else 0
    return min(k + most, len(tile.block))


def _without_barred(
    values: np.ndarray, rows: np.ndarray, tile: Tile, k: int
) -> tuple[np.ndarray, np.ndarray]:
    asking, banned = tile.barred
    if len(asking):
        keys = np.arange(len(rows))[:, None] * len(tile.block) + rows
        values[np.isin(keys, asking * len(tile.block) + banned)] = -np.inf
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(values, order, axis=1), np.take_along_axis(rows, order, axis=1)
