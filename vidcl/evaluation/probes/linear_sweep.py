"""The linear probe: a sweep by SGD, chosen on held-out training rows, tested once."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from vidcl.errors import VidclError
from vidcl.evaluation.probes.config import RATES, Normalisation
from vidcl.evaluation.probes.entry import (
    check_pair,
    class_numbers,
    interval_over,
    largest_share,
    probe_entry,
)
from vidcl.evaluation.probes.splits import held_out
from vidcl.evaluation.probes.sweep import Member, train_sweep


def linear_sweep_probe(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
    *,
    train_groups: np.ndarray | None = None,
    test_groups: np.ndarray | None = None,
    rates: Sequence[float] = RATES,
    decays: Sequence[float] = (0.0,),
    normalisations: Sequence[Normalisation] = ("none", "standardise"),
    epochs: int = 30,
    batch_size: int = 256,
    momentum: float = 0.9,
    validation_share: float = 0.2,
    bootstrap: int = 1000,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Accuracy of a softmax classifier on frozen features.

    All rates x decays x normalisations are trained on a part of the training rows; the best on the
    rest (by instance, of every class) is trained anew on all training rows and meets the test rows
    once. Equal accuracies go to the smaller rate, then the smaller decay, then the normalisation
    named first. A member that diverges is never chosen. SGD with momentum, cosine schedule and a
    start at N(0, 0.01^2) are those of the linear evaluations of DINO (Caron et al. 2021); the sweep
    is DINOv2's (Oquab et al. 2023), which chooses on the validation set it reports.

    Args:
        train_features, test_features: [N, D] and [M, D], finite.
        train_labels, test_labels: [N] and [M], of one type.
        train_groups, test_groups: [N] and [M], instances; each row is one by default.
        validation_share: of every class's instances, in (0, 1).
        bootstrap: resamples of test instances for the interval; 0 for none.
        progress: called with (epochs done, epochs in all).

    Returns:
        One entry ``linear``, ``accuracy``; its settings list the whole sweep.

    Raises:
        VidclError: shapes, values that are not finite, a single class, a test class that training
            lacks, nothing to hold out, a setting out of range, or every member diverged.
    """
    train_features, test_features = np.asarray(train_features), np.asarray(test_features)
    check_pair(train_features, test_features)
    names, train, test = class_numbers(
        train_labels, test_labels, (len(train_features), len(test_features))
    )
    groups = np.arange(len(train)) if train_groups is None else np.asarray(train_groups)
    aside = held_out(train, groups, validation_share, np.random.default_rng(seed))
    members = [Member(rate, decay) for rate in sorted(rates) for decay in sorted(decays)]
    in_all = (len(normalisations) + 1) * epochs

    def fit(rows: np.ndarray, chosen: Sequence[Member], way: Normalisation, before: int) -> Any:
        return train_sweep(
            train_features[rows],
            train[rows],
            len(names),
            chosen,
            normalisation=way,
            epochs=epochs,
            batch_size=batch_size,
            momentum=momentum,
            seed=seed,
            device=device,
            progress=progress and (lambda done, _: progress(before + done, in_all)),
        )

    sweep = []
    for number, way in enumerate(normalisations):
        trained = fit(~aside, members, way, number * epochs)
        accuracy = (trained.predict(train_features[aside]) == train[aside]).mean(1)
        for member, right, sound in zip(members, accuracy, trained.finite, strict=True):
            sweep.append((float(right) if sound else None, member, way))
    best = _best(sweep, normalisations)
    final = fit(np.ones(len(train), bool), [best[1]], best[2], len(normalisations) * epochs)
    if not final.finite[0]:
        raise VidclError(
            f"The linear probe diverged on all training rows at the learning rate {best[1].rate}, "
            f"which was best on a part of them: leave that rate out."
        )
    hits = final.predict(test_features)[0] == test
    told = np.arange(len(test)) if test_groups is None else np.asarray(test_groups)
    return probe_entry(
        "linear",
        "accuracy",
        hits.mean(),
        interval=interval_over(hits, told, bootstrap, seed),
        chance=largest_share(test),
        settings={
            "optimiser": "SGD, softmax cross-entropy, cosine schedule per step",
            "rate": best[1].rate,
            "rate_at_edge_of_grid": len(set(rates)) > 1
            and best[1].rate in (min(rates), max(rates)),
            "decay": best[1].decay,
            "normalisation": best[2],
            "validation_accuracy": best[0],
            "validation_share": validation_share,
            "validation_rows": int(aside.sum()),
            "refitted_on_all_rows": True,
            "epochs": epochs,
            "batch_size": batch_size,
            "momentum": momentum,
            "sweep": [
                {"rate": m.rate, "decay": m.decay, "normalisation": way, "accuracy": right}
                for right, m, way in sweep
            ],
            "train_rows": len(train),
            "test_rows": len(test),
            "classes": len(names),
            "bootstrap": bootstrap,
            "seed": seed,
        },
    )


def _best(
    sweep: Sequence[tuple[float | None, Member, Normalisation]],
    normalisations: Sequence[Normalisation],
) -> tuple[float, Member, Normalisation]:
    sound = [(right, member, way) for right, member, way in sweep if right is not None]
    if not sound:
        raise VidclError(
            "Every member of the linear sweep diverged: give smaller learning rates, or standardise"
            " the features."
        )
    return min(
        sound,
        key=lambda one: (-one[0], one[1].rate, one[1].decay, normalisations.index(one[2])),
    )
