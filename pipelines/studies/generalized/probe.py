"""What the study of generalised losses asks of features: which letter, and which hue."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from studies.generalized.arms import PROBES, StudyConfig
from vidcl.datasets.labelled import write_labelled_set
from vidcl.evaluation.images import image_source
from vidcl.evaluation.probes.linear import linear_probe
from vidcl.synthetic.glyphs import write_glyphs

_LABELS = {"letter": "class", "hue": "hue"}


def probe(
    features_of: Callable[[np.ndarray], np.ndarray],
    splits: Mapping[str, Path],
    settings: StudyConfig,
) -> dict[str, float]:
    """Accuracies of linear probes by probe, and what chance gives.

    Args:
        features_of: uint8 [N, S, S, 3] -> [N, D].
        splits: files of the training and of the test glyphs.
    """
    features, labels = {}, {}
    for split, path in splits.items():
        source = image_source(path)
        count = min(settings.probed, source.count)
        features[split] = features_of(np.stack([source.image(row) for row in range(count)]))
        labels[split] = {asked: source.labels[_LABELS[asked]][:count] for asked in PROBES}
    numbers = {}
    for asked in PROBES:
        result = linear_probe(
            features["train"],
            labels["train"][asked],
            features["test"],
            labels["test"][asked],
            iterations=100,
        )
        numbers[asked] = result["accuracy"]
        numbers[f"{asked} chance"] = result["chance"]
    return numbers


def glyph_files(data: Path, seed: int) -> dict[str, Path]:
    """Where a seed's glyphs are, by split."""
    return {split: data / f"{split}-{seed}.parquet" for split in ("train", "test")}


def make_glyphs(data: Path, seed: int, settings: StudyConfig) -> None:
    """Every seed has its own images, so that intervals over seeds speak of these too."""
    data.mkdir(parents=True, exist_ok=True)
    counts = {"train": settings.images, "test": settings.probed}
    for number, (split, path) in enumerate(glyph_files(data, seed).items()):
        if not path.is_file():
            drawn = 2 * seed + number
            write_glyphs(path, counts[split], drawn, size=settings.size, write=write_labelled_set)
