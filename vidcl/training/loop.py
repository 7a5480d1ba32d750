"""Train an encoder on the pairs of a track store.

vidcl train laptop/region_track --data store --out runs/region_track
torchrun --nproc-per-node 4 pipelines/pretrain.py region_track --data store --out runs/rt
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from vidcl.methods.base import Method, Outcome
from vidcl.methods.wanted import ViewBatch
from vidcl.models.encoder import Encoder
from vidcl.training.build import build_method, online_encoder, restore, save_run, wrap
from vidcl.training.compiling import check_compiler
from vidcl.training.config import TrainConfig
from vidcl.training.guard import FiniteGuard
from vidcl.training.interrupt import deferred_interrupt
from vidcl.training.memory import keep_freed_memory
from vidcl.training.metrics import Best, Meter, MetricsLog, chance_loss
from vidcl.training.optimizer import build_optimizer, build_scaler, learning_rate
from vidcl.training.prefetch import prefetch
from vidcl.training.processes import Process, autocast_dtype, join_processes
from vidcl.training.run_folder import begin_run, open_run
from vidcl.training.source import Opener, tracks_of
from vidcl.training.step import Stepper
from vidcl.training.throughput import Use
from vidcl.training.words import describe, line


@dataclass(frozen=True)
class State:
    """What a callback sees after ``step`` optimiser steps; the encoder is in evaluation mode."""

    step: int
    config: TrainConfig
    method: Method
    encoder: Encoder
    out: Path
    device: torch.device


Callback = Callable[[State], dict[str, Any]]


def train(
    config: TrainConfig,
    data: str | Path | Opener,
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
        data: a track store, a folder of images, a labelled set, or a function that opens another
            source of batches (``training.source``).
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
        opener = data if callable(data) else tracks_of(data)
        source = opener(config, process)
        dtype = autocast_dtype(settings.precision, device)
        method = build_method(config, source.crops, process.world, source.tracks).to(device)
        optimizer = build_optimizer(method.encoder_q, settings)
        scaler = build_scaler(dtype)
        first = restore(checkpoint, method, optimizer, scaler, source.fingerprint, out)
        del checkpoint
        if settings.channels_last:
            method.to(memory_format=torch.channels_last)
        use = Use(method, config.views.size, device, dtype, config.model.channels)
        if settings.compile:
            check_compiler(device)
            method.compile_networks()
        encoder_q = wrap(method.encoder_q, config, process)
        stepper = Stepper(method, encoder_q, optimizer, scaler, config, dtype)

        process.wait()  # all have looked at the folder before one of them writes there
        log = None
        best = Best(out, first, settings.keep_best)
        if process.main:
            begin_run(out, config, first)
            log = MetricsLog(out, first, settings.tensorboard, settings.wandb)
            say(describe(config, source, method, process, dtype, first))
            say(use.describe())

        def save(step: int, better: bool) -> None:
            if process.main:
                save_run(
                    out, step, config, method, optimizer, scaler, source.fingerprint, best=better
                )

        meter = Meter()
        guard = FiniteGuard(out, source, process.rank)
        state = State(first, config, method, online_encoder(config, method), out, device)

        def read(step: int) -> tuple[Any, ViewBatch | None]:
            batch = source.read(step, method.wanted)
            # on the CPU the views are made ahead too: the thread may have a core of its own
            return batch, source.make(batch) if device.type == "cpu" else None

        batches = prefetch(read, first, settings.steps, read_ahead(settings.prefetch, device))
        with contextlib.closing(batches):
            for step in range(first + 1, settings.steps + 1):
                waiting = time.monotonic()
                batch, ready = next(batches)
                waited = time.monotonic() - waiting

                lr = learning_rate(settings, step - 1)
                for group in optimizer.param_groups:
                    group["lr"] = lr
                pairs = ready or source.make(batch)
                done = stepper(pairs, batch.generator, (step - 1) / settings.steps)
                guard(step, done.outcome.loss, batch)
                meter.add(done.outcome.loss, done.outcome.nce, len(pairs) * process.world, waited)

                last = step == settings.steps
                values: dict[str, Any] = {}
                if last or step % settings.log_every == 0:
                    values = measure(meter, done.outcome, method, settings.batch_size, process)
                    values |= use.of(values["pairs_per_second"] / process.world) | {"lr": lr}
                    if done.grad_norm is not None:
                        values["grad_norm"] = float(done.grad_norm)
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
                better = best.beaten_by(values)  # what is best is saved, whenever it comes
                if last or stop or better or step % settings.checkpoint_every == 0:
                    guard.finish()
                    save(step, better)
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
    meter: Meter, outcome: Outcome, method: Method, batch_size: int, process: Process
) -> dict[str, float]:
    """The numbers of a log line; the loss is the mean over all processes."""
    values = meter.summary()
    values["loss"] = process.mean(values["loss"])
    nce = process.mean(values.pop("nce"))
    chance = chance_loss(method.negatives(batch_size))
    return values | {
        "log_k1": chance,
        "i_nce": chance - nce,
        "loss_relative": values["loss"] / max(chance, 1e-9),
        "positive_cosine": float((outcome.q * outcome.k).sum(-1).mean()),
        **method.state_to_log(),
    }
