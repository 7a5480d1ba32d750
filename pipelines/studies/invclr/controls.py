"""What the InvCLR study compares with: an untrained and a supervised network, and pixels."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studies.invclr.source import SpirographSource
from vidcl.methods.wanted import Wanted
from vidcl.models.encoder import Encoder
from vidcl.progress import Progress
from vidcl.synthetic.spirograph import TARGETS
from vidcl.training.build import untrained_encoder
from vidcl.training.config import TrainConfig
from vidcl.training.optimizer import build_optimizer, learning_rate


def supervised(
    config: TrainConfig, source: SpirographSource, progress: Progress | None = None
) -> Encoder:
    """The same network taught the targets, on as many steps and images as SimCLR gets.

    The loss is the squared error of a linear layer on the feature, each target at unit variance.
    """
    device = source.process.device
    encoder = untrained_encoder(config).to(device).train()
    last = nn.Linear(encoder.feature_dim, len(TARGETS))
    nn.init.zeros_(last.weight)  # draws nothing that the seed would not fix
    nn.init.zeros_(last.bias)
    last.to(device)
    middle, spread = source.targets.mean(0), source.targets.std(0)
    optimizer = build_optimizer(nn.ModuleList([encoder, last]), config.training)
    for step in range(config.training.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config.training, step)
        batch = source.read(step + 1, Wanted())
        wanted = ((source.targets[batch.rows] - middle) / spread).to(device)
        said = last(encoder(torch.cat(source.make(batch).views)))
        optimizer.zero_grad()
        F.mse_loss(said, torch.cat([wanted, wanted])).backward()
        optimizer.step()
        if progress is not None:
            progress(step + 1, config.training.steps)
    return encoder


def small_pixels(images: Tensor) -> Tensor:
    """Images [N, 3, 32, 32] at 16x16, flat: fewer features for a regression on some hundred rows.

    Returns:
        [N, 768].
    """
    return F.avg_pool2d(images, 2).flatten(1)
