"""vidcl's trainer and lightly's parts for MoCo v2, set alike: what ``against_lightly.py`` times."""

import argparse
import contextlib
import copy
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.trainer import change
from vidcl.config import load_config
from vidcl.models.backbones import build_backbone
from vidcl.presets import find_preset
from vidcl.tracks.store import open_store
from vidcl.training.build import build_method, wrap
from vidcl.training.config import TrainConfig
from vidcl.training.crops import Crops
from vidcl.training.loop import train
from vidcl.training.memory import keep_freed_memory
from vidcl.training.metrics import read_metrics
from vidcl.training.optimizer import build_optimizer, build_scaler
from vidcl.training.pair_views import PairViews
from vidcl.training.pairs import PairSampler
from vidcl.training.processes import Process, autocast_dtype
from vidcl.training.step import Stepper

#: Of both sides: m, T, learning rate, momentum of SGD, weight decay; width of the head.
M, T, LR, SGD_MOMENTUM, DECAY, DIM = 0.999, 0.2, 0.03, 0.9, 1e-4, 128
#: Steps after those that are timed, so that loaders are still at work when the clock stops.
TAIL = 5

Options = argparse.Namespace
Step = Callable[[Tensor, Tensor], Tensor]
Row = dict[str, float]


def vidcl_config(options: Options, **training: object) -> TrainConfig:
    settings = {
        "method.K_max": options.queue,
        "method.m": M,
        "method.T": T,
        "pairs.splits": "[train, test]",  # all pictures
        "model.backbone": options.backbone,
        "model.hidden": "null",  # as wide as the feature, as in lightly's examples
        "model.dim": DIM,
        "model.bn_shards": 1,  # plain BatchNorm, as lightly's
        "views.size": options.size,
        "training.batch_size": options.batch,
        "training.precision": options.precision,
        "training.lr": LR,
        "training.momentum": SGD_MOMENTUM,
        "training.weight_decay": DECAY,
        "training.device": "cpu",
        "training.tensorboard": "false",
    } | {f"training.{key}": value for key, value in training.items()}
    preset = load_config(find_preset("moco"), TrainConfig)
    return change(preset, [f"{key}={value}" for key, value in settings.items()])


def vidcl_end_to_end(options: Options, **training: object) -> Row:
    """``training``: more settings of the trainer."""
    warmup, last = options.warmup, options.warmup + options.steps
    config = vidcl_config(
        options, steps=last + TAIL, log_every=1, checkpoint_every=10**9, **training
    )
    ends = {}

    def note(step: int, total: int) -> None:
        ends[step] = np.array([time.perf_counter(), time.process_time()])

    with tempfile.TemporaryDirectory(dir=options.work) as run:
        train(config, options.work / "store", run, progress=note, say=lambda text: None)
        lines = read_metrics(Path(run) / "metrics.jsonl")[warmup:last]
    pairs = options.batch * options.steps
    seconds, cpu = ends[last] - ends[warmup]
    return {
        "pairs_per_second": pairs / seconds,
        "cpu_ms_per_pair": 1000 * cpu / pairs,
        "data_wait": statistics.fmean(line["data_wait"] for line in lines),
        "loss": lines[-1]["loss"],
    }


def vidcl_cached(options: Options) -> Row:
    epoch = -(-len(open_store(options.work / "store")) // options.batch)
    longer = Options(**vars(options) | {"warmup": max(options.warmup, epoch)})
    return vidcl_end_to_end(longer)


def vidcl_fixed(options: Options) -> Row:
    """The trainer's own step, on the views of its first batch."""
    keep_freed_memory()
    config, store, device = vidcl_config(options), open_store(options.work / "store"), "cpu"
    dtype = autocast_dtype(options.precision, torch.device(device))
    sampler = PairSampler(store, config.pairs, options.batch, config.seed)
    views = PairViews(config, Crops(store, sampler.rows, torch.device(device), 0), dtype)
    method = build_method(config, sampler.crops).to(memory_format=torch.channels_last)
    optimizer = build_optimizer(method.encoder_q, config.training)
    encoder = wrap(method.encoder_q, config, Process(0, 1, torch.device(device)))
    step = Stepper(method, encoder, optimizer, build_scaler(dtype), config, dtype)
    batch = views.read(sampler.batch(0), 0)
    ready = views.make(batch)
    return timed(lambda: step(ready, batch.generator).outcome.loss, options)


class Peer(nn.Module):
    """MoCo as lightly's users put it together."""

    def __init__(self, options: Options) -> None:
        from lightly.models.modules import MoCoProjectionHead
        from lightly.models.utils import deactivate_requires_grad

        super().__init__()
        self.backbone, width = build_backbone(options.backbone, size=options.size)
        self.head = MoCoProjectionHead(width, width, DIM)
        self.slow_backbone, self.slow_head = copy.deepcopy(self.backbone), copy.deepcopy(self.head)
        deactivate_requires_grad(self.slow_backbone)
        deactivate_requires_grad(self.slow_head)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))

    @torch.no_grad()
    def keys(self, x: Tensor) -> Tensor:
        return self.slow_head(self.slow_backbone(x))


def lightly_step(model: Peer, criterion: nn.Module, options: Options) -> Step:
    """One optimiser step on two views, float32 [N, 3, S, S] each; gives the loss."""
    from lightly.models.utils import batch_shuffle, batch_unshuffle, update_momentum

    model.to(memory_format=torch.channels_last)
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learned, LR, momentum=SGD_MOMENTUM, weight_decay=DECAY)

    def step(x_q: Tensor, x_k: Tensor) -> Tensor:
        update_momentum(model.backbone, model.slow_backbone, M)
        update_momentum(model.head, model.slow_head, M)
        x_q, x_k = (x.to(memory_format=torch.channels_last) for x in (x_q, x_k))
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bfloat16"):
            q = model(x_q)
            x_k, order = batch_shuffle(x_k)
            k = batch_unshuffle(model.keys(x_k), order)
            loss = criterion(q, k)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    return step


def lightly_loss(options: Options) -> nn.Module:
    from lightly.loss import NTXentLoss

    return NTXentLoss(temperature=T, memory_bank_size=(options.queue, DIM))


def lightly_batches(options: Options) -> Iterator[tuple[Tensor, Tensor]]:
    from lightly.data import LightlyDataset
    from lightly.transforms import MoCoV2Transform

    data = LightlyDataset(str(options.images), MoCoV2Transform(input_size=options.size))
    steps = options.warmup + options.steps + TAIL
    sampler = torch.utils.data.RandomSampler(data, num_samples=steps * options.batch)
    loader = torch.utils.data.DataLoader(
        data, options.batch, sampler=sampler, drop_last=True, num_workers=options.workers
    )
    for (x_q, x_k), _, _ in loader:
        yield x_q, x_k


def lightly_end_to_end(options: Options) -> Row:
    step = lightly_step(Peer(options), lightly_loss(options), options)
    batches = lightly_batches(options)
    waited = []

    def both() -> Tensor:
        started = time.perf_counter()
        views = next(batches)
        waited.append(time.perf_counter() - started)
        return step(*views)

    with contextlib.closing(batches):
        row = timed(both, options)
    seconds = options.batch * options.steps / row["pairs_per_second"]
    others = resource.getrusage(resource.RUSAGE_CHILDREN)  # the workers, which have ended
    made = options.batch * (options.warmup + options.steps + TAIL)
    return row | {
        "cpu_ms_per_pair": row["cpu_ms_per_pair"]
        + 1000 * (others.ru_utime + others.ru_stime) / made,
        "data_wait": sum(waited[options.warmup :]) / seconds,
    }


def lightly_fixed(options: Options) -> Row:
    step = lightly_step(Peer(options), lightly_loss(options), options)
    views = next(lightly_batches(options))
    return timed(lambda: step(*views), options)


def timed(step: Callable[[], Tensor], options: Options) -> Row:
    """Of ``options.steps`` calls, after others to warm up; processor time is this process's."""
    for _ in range(options.warmup):
        step()
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(options.steps):
        loss = step()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    pairs = options.batch * options.steps
    return {
        "pairs_per_second": pairs / seconds,
        "cpu_ms_per_pair": 1000 * cpu / pairs,
        "loss": float(loss),
    }


#: Name -> what times it.
CONTESTANTS: dict[str, Callable[[Options], Row]] = {
    "vidcl": lambda options: vidcl_end_to_end(options, decoded_cache_mb=0),
    "lightly": lightly_end_to_end,
    "vidcl, cached": vidcl_cached,
    "vidcl, fixed batch": vidcl_fixed,
    "lightly, fixed batch": lightly_fixed,
}
