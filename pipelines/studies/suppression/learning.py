"""What the parts of the suppression study share: the run of an arm, its controls, its features."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studies.suppression.randbit_source import Bits, PictureSource, pictures_of
from vidcl.config import parse_config
from vidcl.evaluation.probes.linear import linear_probe
from vidcl.methods.wanted import Wanted
from vidcl.models.checkpoint import load_encoder
from vidcl.models.encoder import Encoder
from vidcl.progress import Progress
from vidcl.training.build import untrained_encoder
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train
from vidcl.training.optimizer import build_optimizer, learning_rate
from vidcl.training.processes import Process, autocast_dtype, choose_device

#: L-BFGS steps of a probe.
PROBE_STEPS = 100
_CHUNK = 500


def training_of(
    *,
    channels: int,
    size: int,
    crop: tuple[float, float],
    T: float,
    steps: int,
    batch_size: int,
    lr: float,
    seed: int,
    device: str,
    jitter: float = 0.0,
    backbone: str = "conv_tiny",
) -> TrainConfig:
    """SimCLR on the notebook's network and views: crops alone, values in [0, 1].

    Args:
        jitter: of brightness, contrast and saturation, where pictures have three channels.
    """
    return parse_config(
        {
            "method": {"name": "simclr", "T": T},
            "model": {
                "backbone": backbone,
                "channels": channels,
                "hidden": 256,
                "dim": 64,
                "head_batch_norm": True,
            },
            "views": {
                "size": size,
                "crop_scale": crop,
                "flip": 0.0,
                "jitter": float(jitter > 0),
                "brightness": jitter,
                "contrast": jitter,
                "saturation": jitter,
                "hue": 0.0,
                "greyscale": 0.0,
                "blur": 0.0,
                "mean": (0.0,) * 3,
                "std": (1.0,) * 3,
            },
            "training": {
                "steps": steps,
                "batch_size": batch_size,
                "optimizer": "adamw",
                "lr": lr,
                "weight_decay": 1e-4,
                "device": device,
                "log_every": max(1, min(20, steps)),
                "tensorboard": False,
            },
            "seed": seed,
        },
        TrainConfig,
        source="the study",
    )


def learn_pairs(
    config: TrainConfig,
    pictures: Tensor,
    bits: Bits | None,
    folder: Path,
    progress: Progress | None,
) -> tuple[Encoder, float]:
    """Train without labels: the encoder, and I_NCE over the last steps that were logged.

    Args:
        pictures: uint8 [N, C, S, S].
        folder: the run's; one that stopped goes on.
    """
    run = train(
        config,
        pictures_of(pictures, bits),
        folder,
        resume="auto",
        progress=progress,
        say=lambda line: None,  # runs side by side would talk at once: see metrics.jsonl
    )
    lines = (run / "metrics.jsonl").read_text().splitlines()
    logged = [json.loads(line) for line in lines]
    return load_encoder(run), float([each["i_nce"] for each in logged if "i_nce" in each][-1])


def learn_labels(
    config: TrainConfig,
    pictures: Tensor,
    bits: Bits | None,
    labels: Tensor,
    progress: Progress | None,
) -> Encoder:
    """The same network taught the labels, with the views and the steps of ``config``.

    Args:
        pictures: uint8 [N, C, S, S].
        labels: int64 [N, K], K things to tell, each by a linear layer of its own.
    """
    device = choose_device(config.training.device)
    dtype = autocast_dtype(config.training.precision, device)
    source = PictureSource(pictures, bits, config, Process(0, 1, device))
    encoder = untrained_encoder(config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        last = nn.ModuleList(
            nn.Linear(encoder.feature_dim, int(column.max()) + 1) for column in labels.unbind(1)
        )
    network = nn.ModuleList([encoder, last]).to(device).train()
    network.to(memory_format=torch.channels_last)
    optimizer = build_optimizer(network, config.training)
    for step in range(config.training.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config.training, step)
        batch = source.read(step + 1, Wanted())
        views = torch.cat(source.make(batch).views)
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            features = encoder(views)
            said = [layer(features).float() for layer in last]
        wanted = labels[batch.rows].to(device).repeat(2, 1).unbind(1)
        losses = [F.cross_entropy(*each) for each in zip(said, wanted, strict=True)]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        optimizer.step()
        if progress is not None:
            progress(step + 1, config.training.steps)
    return encoder.eval()


@torch.inference_mode()
def features_of(
    encoder: Encoder,
    pictures: Tensor,
    device: torch.device,
    finish: Callable[[Tensor, slice], Tensor] = lambda x, part: x,
) -> np.ndarray:
    """Features float32 [N, D] of whole pictures.

    Args:
        pictures: uint8 [N, C, S, S].
        finish: what a chunk float [M, C, S, S] in [0, 1], rows ``part`` of the pictures, gets
            besides, such as bits.
    """
    encoder = encoder.to(device).eval()
    parts = []
    for start in range(0, len(pictures), _CHUNK):
        part = slice(start, start + _CHUNK)
        x = finish(pictures[part].to(device).float() / 255, part)
        parts.append(encoder(x.contiguous(memory_format=torch.channels_last)).float().cpu())
    return torch.cat(parts).numpy()


def accuracy(
    train_features: np.ndarray, train_labels: Tensor, test_features: np.ndarray, test_labels: Tensor
) -> float:
    """Of a linear probe, in 0..1; NaN where the labels to learn from are all alike."""
    known, asked = train_labels.numpy(), test_labels.numpy()
    if (known == known[0]).all():
        return float("nan")
    return linear_probe(train_features, known, test_features, asked, iterations=PROBE_STEPS)[
        "accuracy"
    ]
