"""The page's pictures of a demo: sampled tracks, and the pairs each system was trained on."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vidcl.config import load_config
from vidcl.report.figures import film_strip, pair_sheet, save_figure
from vidcl.tracks.store import TrackStore, open_store
from vidcl.training.config import TrainConfig
from vidcl.training.crops import Crops
from vidcl.training.pair_views import PairViews
from vidcl.training.pairs import PairSampler

STRIPS, CELLS, HEIGHT = 8, 12, 72
PAIRS, PAIR_SIDE = 12, 64


def draw_figures(out: Path, runs: Sequence[str], seed: int) -> None:
    """Write ``out/figures``: film strips of region tracks, and twelve pairs of every run."""
    store = open_store(out / "store")
    for number, row in enumerate(_sample(store, seed)):
        moments, image = _strip(store, int(row))
        end = store.end_reason[row]
        caption = (
            f"{Path(str(store.video[row])).name}, {moments[0]:.1f} to {moments[-1]:.1f} s, "
            f"{len(moments)} crops, ended by: {end}"
        )
        save_figure(out, "tracks", f"track-{number:02d}", image, caption)
    for run in runs:
        sheet, gaps = _pairs(store, out / run, seed)
        caption = f"{Path(run).name}: query above, key below; {gaps.min():.2f} to "
        caption += f"{gaps.max():.2f} s apart"
        save_figure(out, "pairs", f"pairs-{Path(run).name}", sheet, caption)


def _sample(store: TrackStore, seed: int) -> np.ndarray:
    """Region tracks drawn alike from all, or whatever tracks there are."""
    rows = store.select(kind="region", min_length=4)
    if not len(rows):
        rows = store.select()
    count = min(STRIPS, len(rows))
    return np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))


def _strip(store: TrackStore, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Times of a track, and crops evenly over it with their true aspect, of one height."""
    times, sizes = store.times(row), store.sizes(row)
    steps = np.unique(np.linspace(0, len(times) - 1, CELLS).round().astype(int))
    cells = []
    for step in steps:
        width, height = (int(side) for side in sizes[step])
        with Image.open(io.BytesIO(store.crop(row, int(step)))) as crop:
            shape = (max(8, round(HEIGHT * width / height)), HEIGHT)
            cells.append(np.asarray(crop.convert("RGB").resize(shape, Image.Resampling.BILINEAR)))
    return np.asarray(times), film_strip(cells)


def _pairs(store: TrackStore, run: Path, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs as the network of a run saw them, before normalisation; and their gaps in seconds."""
    config = load_config(run / "config.yaml", TrainConfig)
    sampler = PairSampler(store, config.pairs, PAIRS, seed)
    crops = Crops(store, sampler.rows, torch.device("cpu"), cache_bytes=0)
    pairs = sampler.batch(step=0)
    views = PairViews(config, crops)
    first, second = views.make(views.read(pairs, step=0)).views
    return pair_sheet(_pixels(first, config), _pixels(second, config)), pairs.gap


def _pixels(views: Tensor, config: TrainConfig) -> np.ndarray:
    """Normalised float [N, 3, S, S] -> uint8 [N, 64, 64, 3]."""
    mean = torch.tensor(config.views.mean).view(3, 1, 1)
    std = torch.tensor(config.views.std).view(3, 1, 1)
    images = ((views * std + mean).clamp(0, 1) * 255).round().byte()
    return np.stack(
        [
            np.asarray(Image.fromarray(image).resize((PAIR_SIDE, PAIR_SIDE), Image.Resampling.BOX))
            for image in images.permute(0, 2, 3, 1).contiguous().numpy()
        ]
    )
