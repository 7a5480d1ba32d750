"""Optimisers and learning rates."""

import math

import torch
from torch import nn

from vidcl.errors import require
from vidcl.training.config import TrainingConfig


def build_optimizer(module: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Over all parameters of ``module``; SGD and AdamW in one fused kernel.

    Raises:
        VidclError: LARS (You et al. 2017) is timm's, and timm is not installed.
    """
    parameters = list(module.parameters())
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=config.lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            fused=True,
        )
    if config.optimizer == "lars":
        return require("timm.optim", "vidcl[timm]").Lars(
            parameters, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
        )
    return torch.optim.AdamW(parameters, lr=config.lr, weight_decay=config.weight_decay, fused=True)


def build_scaler(dtype: torch.dtype | None) -> torch.amp.GradScaler:
    """Keeps small gradients from vanishing in float16; does nothing for other types."""
    return torch.amp.GradScaler("cuda", enabled=dtype == torch.float16)


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Of step 0, 1, ...: a linear rise over the warm-up, then constant, half a cosine to zero, or
    a tenth of what it was from each milestone on."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.lr
    if config.schedule == "step":
        passed = sum(step >= share * config.steps for share in config.milestones)
        return config.lr * 0.1**passed
    done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.lr * 0.5 * (1 + math.cos(math.pi * done))
