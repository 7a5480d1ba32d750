"""Put a run's parts together, from nothing or from a checkpoint, and write it down."""

import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vidcl.config import dump_config
from vidcl.errors import VidclError
from vidcl.files import atomic_path
from vidcl.methods.config import MoCoConfig
from vidcl.methods.moco import MoCo
from vidcl.models.backbones import build_backbone
from vidcl.models.checkpoint import LAST, save_checkpoint
from vidcl.models.encoder import Architecture, Encoder, Preprocessing
from vidcl.models.tower import Tower
from vidcl.training.config import TrainConfig
from vidcl.training.processes import Process


def build_method(config: TrainConfig, crops: int, world: int = 1) -> MoCo:
    """The method with freshly initialised networks; the caller's random state is left alone.

    Args:
        crops: number of crops that pairs are drawn from; bounds the queue.
        world: processes that share each batch.
    """
    method, model = config.method, config.model
    if model.bn_shards > 1:
        # with one shard per process, a key would be normalised beside its own query
        model = model.model_copy(update={"bn_shards": max(2, model.bn_shards // world)})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        tower = Tower(model)
    return MoCo(
        tower,
        config.model.dim,
        K=queue_size(method, crops, config.training.batch_size),
        m=method.m,
        T=method.T,
        mask_own_track=method.mask_own_track,
        shuffle=config.model.bn_shards > 1,
    )


def queue_size(method: MoCoConfig, crops: int, batch_size: int) -> int:
    """K, kept to half the crops: a queue that holds a crop twice holds false negatives.

    Raises:
        VidclError: an explicit K is larger than that or smaller than a batch, or the store is too
            small for any.
    """
    most = crops // 2
    if most < batch_size:
        raise VidclError(
            f"The store gives {crops} crops to train on, and the queue needs at least a batch "
            f"({batch_size}) of at most half of them: extract more, or make the batch smaller."
        )
    if method.K is None:
        if most < method.K_max:
            warnings.warn(
                f"the queue has {most} keys, half the crops, not {method.K_max}", stacklevel=2
            )
        return max(batch_size, min(method.K_max, most))
    if not batch_size <= method.K <= most:
        raise VidclError(
            f"--method.K {method.K} must lie between the batch size ({batch_size}) and half the "
            f"crops ({most})."
        )
    return method.K


def wrap(encoder: nn.Module, config: TrainConfig, process: Process) -> nn.Module:
    """The query encoder as the step calls it: compiled on request, distributed if there are others.

    The momentum encoder and the queue stay outside of what is wrapped.
    """
    if config.training.compile:
        encoder.compile()
    if process.world == 1:
        return encoder
    devices = [process.device] if process.device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(encoder, device_ids=devices)


def online_encoder(config: TrainConfig, method: MoCo) -> Encoder:
    """The query encoder's backbone as an ``Encoder`` that shares its weights."""
    backbone = method.encoder_q.backbone
    assert isinstance(backbone, nn.Module)
    with torch.device("meta"):
        _, width = build_backbone(config.model.backbone, stem=config.model.stem)
    return Encoder(backbone, width, _preprocessing(config), _architecture(config))


def save_run(
    out: Path,
    step: int,
    config: TrainConfig,
    method: MoCo,
    optimizer: torch.optim.Optimizer,
    data: dict[str, int],
) -> None:
    """``checkpoints/last.pt``, and ``step-N.pt`` beside it where every checkpoint is kept."""
    save_checkpoint(
        out / LAST,
        step=step,
        method=method,
        architecture=_architecture(config),
        preprocessing=_preprocessing(config),
        config=dump_config(config),
        optimizer=optimizer.state_dict(),
        data=data,
    )
    if config.training.keep_checkpoints:
        with atomic_path(out / LAST.parent / f"step-{step}.pt") as aside:
            shutil.copyfile(out / LAST, aside)


def restore(
    checkpoint: dict[str, Any] | None,
    method: MoCo,
    optimizer: torch.optim.Optimizer,
    data: dict[str, int],
    out: Path,
) -> int:
    """Load a checkpoint of ``save_run``; the number of steps it has done (0 without one).

    Raises:
        VidclError: the store is not the one the run was started on.
    """
    if checkpoint is None:
        return 0
    if checkpoint["data"] != data:
        raise VidclError(
            f"{out} was trained on {checkpoint['data']}, and the store now gives {data}: resume it "
            "with the same store, or give another --out."
        )
    method.load_state_dict(checkpoint["method"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    return int(checkpoint["step"])


def _architecture(config: TrainConfig) -> Architecture:
    return Architecture(config.model.backbone, config.model.stem)


def _preprocessing(config: TrainConfig) -> Preprocessing:
    return Preprocessing(config.views.size, config.views.mean, config.views.std)
