"""Train an encoder on the pairs of a track store.

vidcl train laptop/region_track --data store --out runs/region_track
torchrun --nproc-per-node 4 pipelines/pretrain.py region_track --data store --out runs/rt
"""

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.methods.moco import MoCo, MoCoLoss
from vidcl.models.encoder import Encoder
from vidcl.tracks.store import open_store
from vidcl.training.build import build_method, online_encoder, restore, save_run, wrap
from vidcl.training.config import TrainConfig
from vidcl.training.crops import Crops
from vidcl.training.interrupt import deferred_interrupt
from vidcl.training.memory import keep_freed_memory
from vidcl.training.metrics import Meter, MetricsLog, chance_loss
from vidcl.training.optimizer import build_optimizer, learning_rate
from vidcl.training.pair_views import Batch, PairViews
from vidcl.training.pairs import PairSampler
from vidcl.training.prefetch import prefetch
from vidcl.training.processes import Process, autocast_dtype, join_processes
from vidcl.training.run_folder import begin_run, open_run


@dataclass(frozen=True)
class State:
    """What a callback sees after ``step`` optimiser steps; the encoder is in evaluation mode."""

    step: int
    config: TrainConfig
    method: MoCo
    encoder: Encoder
    out: Path
    device: torch.device


Callback = Callable[[State], dict[str, Any]]


def train(
    config: TrainConfig,
    store: str | Path,
    out: str | Path,
    *,
    resume: bool | Literal["auto"] = False,
    callbacks: Sequence[Callback] = (),
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Run ``config.training.steps`` optimiser steps and leave a run folder.

    On a CPU the result does not depend on how often the run was stopped and resumed.

    Args:
        store: a track store.
        out: the run folder: ``config.yaml``, ``metrics.jsonl``, ``checkpoints/last.pt``,
            ``tensorboard/``.
        resume: False: ``out`` must not hold a run; True: it must; ``auto``: either.
        callbacks: called every ``callback_every`` steps and at the end, on the main process; what
            they return is logged.
        progress: called with (steps done, steps in all).
        say: prints one line of text.

    Returns:
        ``out``.

    Raises:
        VidclError: the store, the run folder and the configuration do not fit together.
        KeyboardInterrupt: after Ctrl-C, once the state is saved.
    """
    settings, out = config.training, Path(out)
    with join_processes(settings.device) as process, deferred_interrupt() as interrupt:
        device = process.device
        if device.type == "cpu":
            keep_freed_memory()
        checkpoint = open_run(out, config, resume)
        data = open_store(store)
        sampler = PairSampler(
            data, config.pairs, settings.batch_size, config.seed, process.rank, process.world
        )
        crops = Crops(data, sampler.rows, device, settings.decoded_cache_mb * 2**20)
        dtype = autocast_dtype(settings.precision, device)
        views = PairViews(config, crops, process.rank, dtype)
        method = build_method(config, sampler.crops, process.world).to(device)
        optimizer = build_optimizer(method.encoder_q, settings)
        fingerprint = {"tracks": len(sampler.rows), "crops": sampler.crops}
        first = restore(checkpoint, method, optimizer, fingerprint, out)
        if settings.channels_last:
            method.encoder_q.to(memory_format=torch.channels_last)
            method.encoder_k.to(memory_format=torch.channels_last)
        encoder_q = wrap(method.encoder_q, config, process)
        if settings.compile:
            method.encoder_k.compile()

        process.wait()  # all have looked at the folder before one of them writes there
        log = None
        if process.main:
            begin_run(out, config)
            log = MetricsLog(out, first, settings.tensorboard)
            say(describe(config, sampler, method, process, dtype, first))

        def save(step: int) -> None:
            if process.main:
                save_run(out, step, config, method, optimizer, fingerprint)

        meter = Meter()
        state = State(first, config, method, online_encoder(config, method), out, device)

        def read(step: int) -> tuple[Batch, tuple[Tensor, Tensor] | None]:
            batch = views.read(sampler.batch(step), step)
            # on the CPU the views are made ahead too: the thread may have a core of its own
            return batch, views.make(batch) if device.type == "cpu" else None

        batches = prefetch(read, first, settings.steps, read_ahead(settings.prefetch, device))
        with contextlib.closing(batches):
            for step in range(first + 1, settings.steps + 1):
                waiting = time.monotonic()
                batch, ready = next(batches)
                waited = time.monotonic() - waiting

                lr = learning_rate(settings, step - 1)
                for group in optimizer.param_groups:
                    group["lr"] = lr
                x_q, x_k = ready or views.make(batch)  # [N, 3, S, S] each
                with torch.autocast(device.type, dtype, enabled=dtype is not None):
                    outcome = method(
                        x_q,
                        x_k,
                        batch.tracks.to(device),
                        generator=batch.generator,
                        encoder_q=encoder_q,
                    )
                outcome.loss.backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                meter.add(outcome.loss.detach(), len(x_q) * process.world, waited)

                last = step == settings.steps
                values: dict[str, Any] = {}
                if last or step % settings.log_every == 0:
                    values = measure(meter, outcome, method, lr, step)
                    meter.reset()
                if callbacks and (last or step % settings.callback_every == 0):
                    if process.main:
                        method.encoder_q.eval()
                        for callback in callbacks:
                            values |= callback(replace(state, step=step))
                        method.encoder_q.train()
                    process.wait()
                    meter.reset()
                if log is not None and values:
                    log.write(step, values)
                    say(line(step, settings.steps, values))
                if progress is not None and process.main:
                    progress(step, settings.steps)
                stop = not last and process.agree(interrupt.asked, step)
                if last or stop or step % settings.checkpoint_every == 0:
                    save(step)
                if stop:
                    raise KeyboardInterrupt(
                        f"stopped after step {step}; {out} is saved, and the same command with "
                        "--resume continues it."
                    )
        if log is not None:
            log.close()
    return out


def read_ahead(depth: int, device: torch.device) -> int:
    """Batches to read ahead in a thread.

    None on a CPU where torch computes in several threads: two pools of them would wait for each
    other (one core lost nine tenths of its speed).
    """
    return depth if device.type != "cpu" or torch.get_num_threads() == 1 else 0


def measure(
    meter: Meter, outcome: MoCoLoss, method: MoCo, lr: float, step: int
) -> dict[str, float]:
    """The numbers of a log line; raises VidclError where the loss is no number any more."""
    values = meter.summary()
    if not math.isfinite(values["loss"]):
        raise VidclError(
            f"The loss is {values['loss']} at step {step}: lower --training.lr or use "
            "--training.precision float32."
        )
    negatives = (method.queue.tracks >= 0).sum().item()
    chance = chance_loss(negatives)
    return values | {
        "log_k1": chance,
        "loss_relative": values["loss"] / max(chance, 1e-9),
        "queue_fill": negatives / len(method.queue),
        "positive_cosine": float((outcome.q * outcome.k).sum(1).mean()),
        "lr": lr,
    }


def line(step: int, steps: int, values: dict[str, Any]) -> str:
    """A log line to read."""
    known = {"loss", "log_k1", "loss_relative", "queue_fill", "pairs_per_second", "data_wait"}
    text = f"step {step}/{steps}"
    if "loss" in values:
        text += (
            f"  loss {values['loss']:.3f} = {values['loss_relative']:.2f} log(K+1)"
            f"  queue {values['queue_fill']:.0%}"
            f"  {values['pairs_per_second']:.0f} pairs/s  waiting {values['data_wait']:.1%}"
        )
    own = known | {"lr", "positive_cosine"}
    more = [f"{k} {v:.3g}" for k, v in values.items() if k not in own and isinstance(v, float)]
    return "  ".join([text, *more])


def describe(
    config: TrainConfig,
    sampler: PairSampler,
    method: MoCo,
    process: Process,
    dtype: torch.dtype | None,
    first: int,
) -> str:
    """What a run is about to do, in a few lines."""
    model = config.model
    norm = f"BatchNorm in {model.bn_shards} shards" if model.bn_shards > 1 else "plain BatchNorm"
    lines = [
        f"{model.backbone} at {config.views.size} px on {process.world} x {process.device}, "
        f"{'bfloat16' if dtype is not None else 'float32'}, {norm}, queue {len(method.queue)}"
        + (f", from step {first}" if first else "")
    ]
    for stream, pool, count in zip(
        config.pairs.streams, sampler.pools, sampler.counts, strict=True
    ):
        text = f"{count} {' or '.join(stream.kind)} pairs per step from {len(pool.rows)} tracks, "
        text += f"{stream.gap[0]:g} to {stream.gap[1]:g} s apart"
        if pool.fallbacks:
            text += f" ({pool.fallbacks} tracks have no such pair and give their nearest)"
        lines.append(text)
    return "\n".join(lines)
