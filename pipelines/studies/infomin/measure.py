"""One run of the InfoMin study: train, estimate I_NCE, ask the features."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from studies.infomin.axes import CONTROLS, SETTINGS, STILL, StudyConfig, training_of
from studies.infomin.data import SETS, set_folder, store_path
from vidcl.datasets.labelled import open_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation.both_parts import BothParts
from vidcl.evaluation.controls import raw_pixels_table
from vidcl.evaluation.embed import embed
from vidcl.evaluation.images import ImageData
from vidcl.evaluation.probes.linear import linear_probe
from vidcl.evaluation.retrieval.cross_view import cross_view_retrieval
from vidcl.evaluation.table import table_column, table_features
from vidcl.methods.base import unit
from vidcl.methods.wanted import Wanted
from vidcl.models.checkpoint import load_trained
from vidcl.progress import Progress
from vidcl.training.build import untrained_encoder
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train
from vidcl.training.metrics import read_metrics
from vidcl.training.processes import choose_device, join_processes
from vidcl.training.source import TrackSource

#: Added to a run's seed for the pairs and views that I_NCE is measured on.
FRESH = 1_000_003
#: An object's own views nearer than so many degrees are left out of a search.
MIN_GAP = 45.0
#: Pairs that go through the network at once.
_PART = 256


def measure(
    arm: str, seed: int, settings: StudyConfig, folder: Path, progress: Progress | None = None
) -> dict[str, float]:
    """``i_nce`` (held-out clips), ``i_nce log`` (the end of training), both in nats, and by set
    ``recall`` and ``instance``, with ``... chance`` of each."""
    out = folder.parents[2]
    device = choose_device(settings.device)
    if arm == "pixels":
        return ask(raw_pixels_table, out, settings)
    setting = SETTINGS.get(arm, STILL)
    config = training_of(setting, seed, settings)
    numbers: dict[str, float] = {}
    if arm in CONTROLS:
        encoder = untrained_encoder(config)
    else:
        store = store_path(out, setting.kind)
        train(
            config,
            store,
            folder,
            resume="auto",
            progress=progress,
            say=lambda line: None,  # arms side by side would talk at once: see metrics.jsonl
        )
        numbers["i_nce log"] = read_metrics(folder / "metrics.jsonl")[-1]["i_nce"]
        numbers["i_nce"] = held_out_i_nce(folder, config, store, settings.pairs)
        encoder = load_trained(folder).encoder
    both = BothParts(encoder, config.views)
    return numbers | ask(lambda images: embed(both, images, device=device), out, settings)


def held_out_i_nce(run: Path, config: TrainConfig, store: Path, pairs: int) -> float:
    """I_NCE of a run on pairs of clips that it was not trained on, with fresh views.

    The encoder and its head are in evaluation mode; the other keys are the negatives.

    Raises:
        VidclError: the run has no head.
    """
    trained = load_trained(run)
    if trained.head is None:
        raise VidclError(f"{run} has no projection head: delete it and run the study again.")
    update = {
        "seed": config.seed + FRESH,
        "pairs": config.pairs.model_copy(update={"splits": ("test",)}),
        "training": config.training.model_copy(update={"batch_size": pairs}),
    }
    with join_processes(config.training.device) as process, torch.inference_mode():
        encoder, head = trained.encoder.to(process.device), trained.head.to(process.device)
        source = TrackSource(store, config.model_copy(update=update), process)
        batch = source.make(source.read(0, Wanted()))
        q, k = (
            torch.cat([unit(head(encoder(part))) for part in view.split(_PART)])
            for view in batch.views
        )
    return i_nce(q, k, batch.tracks, config.method.T)


def i_nce(q: torch.Tensor, k: torch.Tensor, tracks: torch.Tensor, temperature: float) -> float:
    """The lower bound of the information that two views share, in nats (Oord et al. 2018; Tian et
    al. 2020, section 3): the mean over queries of log(n + 1) minus InfoNCE against n negatives.

    Args:
        q, k: [N, C] at unit length.
        tracks: int64 [N]; keys of other queries of the query's own track are no negatives.
    """
    scores = (q.double() @ k.double().T) / temperature
    own = tracks[:, None] == tracks[None, :]
    own.fill_diagonal_(False)
    counts = len(q) - own.sum(1)  # the positive and its negatives
    loss = scores.masked_fill(own, -math.inf).logsumexp(1) - scores.diagonal()
    return float((counts.double().log() - loss).mean())


def ask(
    features_of: Callable[[ImageData], pa.Table], out: Path, settings: StudyConfig
) -> dict[str, float]:
    """What the features know of held-out objects, and what chance gives.

    ``recall``: Recall@1 of the same object seen from 45 degrees away or more; ``instance``: a
    linear probe of the object, fitted on every other view and tested on the rest.
    """
    numbers: dict[str, float] = {}
    for name in SETS:
        table = features_of(open_labelled_set(set_folder(out, settings) / f"{name}.parquet"))
        features, labels = table_features(table), table_column(table, "instance")
        azimuth = table_column(table, "azimuth")
        found = cross_view_retrieval(features, labels, azimuth, MIN_GAP, (1,), bootstrap=0)
        numbers[f"{name} recall"] = found["recall@1"]
        numbers[f"{name} recall chance"] = chance_of_recall(labels, azimuth, MIN_GAP)
        fitted = table_column(table, "view") % 2 == 0
        probe = linear_probe(
            features[fitted], labels[fitted], features[~fitted], labels[~fitted], iterations=60
        )
        numbers[f"{name} instance"] = probe["accuracy"]
        numbers[f"{name} instance chance"] = probe["chance"]
    return numbers


def chance_of_recall(instances: np.ndarray, azimuth: np.ndarray, min_gap: float) -> float:
    """Recall@1 of a neighbour drawn at random from all images but the object's own views nearer
    than ``min_gap`` degrees; ``instances``, ``azimuth`` [N]."""
    gap = np.abs(azimuth[:, None] - azimuth[None, :]) % 360.0
    gap = np.minimum(gap, 360.0 - gap)
    own = instances[:, None] == instances[None, :]
    hits = (own & (gap >= min_gap)).sum(1)
    return float((hits / (len(instances) - own.sum(1) + hits)).mean())
