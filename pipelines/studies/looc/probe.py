"""What the LooC study asks of features, and of networks that no pairs were shown to."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from studies.looc.arms import PROBES, StudyConfig
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source
from vidcl.evaluation.probes.linear import linear_probe
from vidcl.methods.base import unit
from vidcl.models.checkpoint import load_trained
from vidcl.models.encoder import Encoder
from vidcl.models.spaces import Spaces
from vidcl.progress import Progress
from vidcl.training.config import TrainConfig
from vidcl.training.optimizer import build_optimizer, learning_rate
from vidcl.training.processes import choose_device
from vidcl.views.views import Views


class WithSpaces(nn.Module):
    """An encoder's feature with its projections behind it, one pass for all probes.

    ``forward``: [N, 3, S, S] -> [N, D + Z * C]; projections have unit length, as the loss sees
    them.
    """

    def __init__(self, encoder: Encoder, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.preprocess = encoder.preprocess

    def forward(self, images: Tensor) -> Tensor:
        features = self.encoder(images)
        return torch.cat([features, unit(self.head(features)).flatten(1)], 1)


def with_spaces(run: Path) -> tuple[nn.Module, dict[str, slice]]:
    """A run's encoder, and which columns of its output are what: "" is the feature V, "z0", "z1",
    ... the spaces, and "all" all spaces side by side."""
    trained = load_trained(run)
    encoder, head = trained.encoder, trained.head
    if head is None:
        raise VidclError(f"{run} has no projection head: delete it and run the study again.")
    width = encoder.feature_dim
    parts = {"": slice(width)}
    if isinstance(head, Spaces):
        size = encoder.preprocessing.size
        dim = head(encoder(torch.zeros(1, 3, size, size))).shape[2]
        for space in range(len(head)):
            parts[f"z{space}"] = slice(width + space * dim, width + (space + 1) * dim)
        parts["all"] = slice(width, width + len(head) * dim)
    return WithSpaces(encoder, head), parts


def probe(
    features_of: Callable[[np.ndarray], np.ndarray],
    splits: Mapping[str, Path],
    settings: StudyConfig,
    parts: Mapping[str, slice] | None = None,
) -> dict[str, float]:
    """Accuracies of linear probes, by probe and part of the feature, and what chance gives.

    Letter and hue are asked of upright images; the turn of each image at all four.

    Args:
        features_of: uint8 [N, S, S, 3] -> [N, D].
        splits: files of the training and of the test glyphs.
        parts: name -> columns of the feature.
    """
    features, labels = {}, {}
    for split, path in splits.items():
        source = image_source(path)
        count = min(settings.probed, source.count)
        images = np.stack([source.image(row) for row in range(count)])
        features[split] = np.stack(
            [features_of(np.rot90(images, turn, (1, 2)).copy()) for turn in range(4)]
        )  # [4, N, D]
        labels[split] = {
            "letter": source.labels["class"][:count],
            "turn": np.repeat(np.arange(4), count),
            "hue": source.labels["hue"][:count],
        }
    numbers = {}
    for part, columns in (parts or {"": slice(None)}).items():
        for asked in PROBES:
            rows = [
                (each.reshape(-1, each.shape[2]) if asked == "turn" else each[0])[:, columns]
                for each in (features["train"], features["test"])
            ]
            result = linear_probe(
                rows[0], labels["train"][asked], rows[1], labels["test"][asked], iterations=100
            )
            numbers[f"{asked} {part}".strip()] = result["accuracy"]
            numbers[f"{asked} chance"] = result["chance"]
    return numbers


def learn_letters(
    encoder: Encoder, config: TrainConfig, data: Path, progress: Progress | None
) -> None:
    """Train an encoder with a linear classifier of letters, with the views, the optimiser and the
    steps of ``config``."""
    training, source = config.training, image_source(data)
    device = choose_device(training.device)
    images = np.stack([source.image(row) for row in range(source.count)])
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    letters, index = np.unique(source.labels["class"], return_inverse=True)
    wanted = torch.from_numpy(index)
    views = Views(config.views)
    generator = torch.Generator().manual_seed(config.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = nn.Sequential(encoder, nn.Linear(encoder.feature_dim, len(letters))).to(device)
    network.train()
    optimizer = build_optimizer(network, training)
    for step in range(training.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(training, step)
        rows = torch.randint(len(pixels), (training.batch_size,), generator=generator)
        params = views.sample(len(rows), generator)
        shown = views.apply(pixels[rows].to(device), params.to(device))
        loss = nn.functional.cross_entropy(network(shown), wanted[rows].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if progress is not None:
            progress(step + 1, training.steps)
    network.eval()
