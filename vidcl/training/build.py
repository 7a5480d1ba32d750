"""Put a run's parts together, from nothing or from a checkpoint, and write it down."""

import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vidcl.config import dump_config
from vidcl.errors import VidclError
from vidcl.files import atomic_path
from vidcl.methods.base import Method
from vidcl.methods.config import (
    GeneralizedConfig,
    InfoMinConfig,
    LooCConfig,
    MomentumConfig,
    PIRLConfig,
    SimCLRConfig,
)
from vidcl.methods.factors import shared
from vidcl.methods.generalized import Generalized
from vidcl.methods.infomin import InfoMin
from vidcl.methods.inv_clr import InvCLR
from vidcl.methods.looc import LooC
from vidcl.methods.moco import MoCo
from vidcl.methods.pirl import PIRL
from vidcl.methods.simclr import SimCLR
from vidcl.models.checkpoint import LAST, save_checkpoint
from vidcl.models.config import ModelConfig
from vidcl.models.encoder import Architecture, Encoder, Preprocessing, build_encoder
from vidcl.models.jigsaw import JigsawTower
from vidcl.models.memory_bank import MemoryBank
from vidcl.models.shared_bn import share_batch_norm
from vidcl.models.tower import Tower
from vidcl.training.config import TrainConfig
from vidcl.training.processes import Process
from vidcl.training.run_folder import PREVIOUS


def build_method(
    config: TrainConfig, crops: int, world: int = 1, tracks: int | None = None
) -> Method:
    """The method with freshly initialised networks; the caller's random state is left alone.

    Args:
        crops: number of crops that pairs are drawn from; bounds MoCo's queue.
        world: processes that share each batch.
        tracks: one more than the largest number of a track; by default ``crops``.
    """
    model = config.model
    if model.bn_shards > 1:
        # with one shard per process, a key would be normalised beside its own query
        model = model.model_copy(update={"bn_shards": max(2, model.bn_shards // world)})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        tower = _tower(config, model)
    built = _method(config, tower, crops, crops if tracks is None else tracks)
    penalty = config.penalty
    if not penalty.weight:
        return built
    return InvCLR(
        built,
        penalty.along,
        weight=penalty.weight,
        clip=penalty.clip,
        clip_each=penalty.clip_each,
        redraws=penalty.redraws,
        scale=penalty.scale,
        normalise=penalty.normalise,
        by=penalty.by,
    )


def _tower(config: TrainConfig, model: ModelConfig) -> Tower:
    """The network to train, for the method's embedding spaces or patches."""
    method, size = config.method, config.views.size
    if isinstance(method, InfoMinConfig | PIRLConfig) and method.beta:
        jigsaw = method.jigsaw
        return JigsawTower(model, size, patches=jigsaw.grid**2, patch=jigsaw.sides(size)[2])
    spaces = 1 + len(method.factors) if isinstance(method, LooCConfig) else None
    return Tower(model, size, spaces, _architecture(config).branches)


def _method(config: TrainConfig, tower: Tower, crops: int, tracks: int) -> Method:
    method = config.method
    if isinstance(method, SimCLRConfig):
        return SimCLR(tower, T=method.T, mask_own_track=method.mask_own_track)
    if isinstance(method, GeneralizedConfig):
        return Generalized(
            tower, distribution=method.distribution, weight=method.weight, T=method.T
        )
    patches: dict[str, Any] = {}
    if isinstance(method, InfoMinConfig | PIRLConfig):
        patches = {"beta": method.beta, "jigsaw": method.jigsaw, "view": config.views.size}
    if isinstance(method, PIRLConfig):
        bank = MemoryBank(tracks, config.model.dim, method.m, config.seed)
        return PIRL(tower, bank, K=method.K, T=method.T, **patches)
    momentum: dict[str, Any] = {
        "K": queue_size(method, crops, config.training.batch_size),
        "m": method.m,
        "m_end": method.m_end,
        "T": method.T,
        "mask_own_track": method.mask_own_track,
        "shuffle": config.model.bn_shards > 1,
    }
    if isinstance(method, LooCConfig):
        return LooC(tower, config.model.dim, factors=method.factors, **momentum)
    if isinstance(method, InfoMinConfig):
        return InfoMin(tower, config.model.dim, **patches, **momentum)
    return MoCo(tower, config.model.dim, shares=shared(method.shares), **momentum)


def queue_size(method: MomentumConfig, crops: int, batch_size: int) -> int:
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
    """The query encoder as the step calls it: distributed if there are others.

    The momentum encoder and the queue stay outside of what is wrapped. SimCLR's BatchNorm has the
    statistics of all processes, or each would tell its own positives by them (Chen et al. 2020,
    section 2.2); MoCo's must not.
    """
    if process.world > 1 and isinstance(config.method, SimCLRConfig | GeneralizedConfig):
        if process.device.type == "cuda":
            share_batch_norm(encoder)
        else:
            warnings.warn("BatchNorm is not shared between processes on a CPU", stacklevel=2)
    if process.world == 1:
        return encoder
    devices = [process.device] if process.device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(encoder, device_ids=devices)


def online_encoder(config: TrainConfig, method: Method) -> Encoder:
    """The query encoder's backbone as an ``Encoder`` that shares its weights."""
    tower = method.encoder_q
    assert isinstance(tower, Tower)
    return Encoder(tower.backbone, tower.width, _preprocessing(config), _architecture(config))


def untrained_encoder(config: TrainConfig) -> Encoder:
    """The backbone of a run as it is initialised, in evaluation mode: BatchNorm with mean 0 and
    variance 1. The control of every study; the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return build_encoder(_architecture(config), _preprocessing(config))


def save_run(
    out: Path,
    step: int,
    config: TrainConfig,
    method: Method,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    data: dict[str, int],
    *,
    best: bool = False,
) -> None:
    """``checkpoints/last.pt``; the one before it stays as ``previous.pt``.

    Copies beside it: ``step-N.pt`` where every checkpoint is kept, ``best.pt`` if this is the best.
    """
    last = out / LAST
    if last.is_file():
        with atomic_path(out / PREVIOUS) as aside:
            _link(last, aside)
    save_checkpoint(
        last,
        step=step,
        method=method,
        architecture=_architecture(config),
        preprocessing=_preprocessing(config),
        config=dump_config(config),
        optimizer={**optimizer.state_dict(), "scaler": scaler.state_dict()},
        data=data,
    )
    names = [f"step-{step}.pt"] if config.training.keep_checkpoints else []
    for name in names + (["best.pt"] if best else []):
        with atomic_path(last.parent / name) as aside:
            shutil.copyfile(last, aside)


def _link(source: Path, target: Path) -> None:
    """``target`` is ``source`` under a second name, or a copy where there are no such links."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def restore(
    checkpoint: dict[str, Any] | None,
    method: Method,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
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
    state = dict(checkpoint["optimizer"])
    scaler.load_state_dict(state.pop("scaler", {}))
    optimizer.load_state_dict(state)
    return int(checkpoint["step"])


def _architecture(config: TrainConfig) -> Architecture:
    method = config.method
    branches = 1
    if isinstance(method, LooCConfig) and method.plus_plus:
        branches += len(method.factors)
    model = config.model
    return Architecture(model.backbone, model.stem, branches, model.channels)


def _preprocessing(config: TrainConfig) -> Preprocessing:
    return Preprocessing(config.views.size, config.views.mean, config.views.std)
