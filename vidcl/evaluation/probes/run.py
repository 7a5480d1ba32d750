"""All probes of a pair of tables, and the results they make."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from vidcl.errors import VidclError
from vidcl.evaluation.probes.bank import knn_probe
from vidcl.evaluation.probes.config import ProbeConfig, ProbeName
from vidcl.evaluation.probes.entry import class_numbers, interval_over, probe_entry
from vidcl.evaluation.probes.few_shot import few_shot_probe
from vidcl.evaluation.probes.linear import fit_logistic
from vidcl.evaluation.probes.linear_sweep import linear_sweep_probe
from vidcl.evaluation.probes.ridge_cv import ridge_cv_probe
from vidcl.evaluation.probes.svm import svm_probe
from vidcl.evaluation.probes.tables import Rows, numeric_columns, rows_of, target_columns

Progress = Callable[[int, int], None]


def run_probes(
    probes: Sequence[ProbeName],
    train: pa.Table,
    test: pa.Table,
    config: ProbeConfig,
    *,
    episodes_from: pa.Table | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """The entries of every probe but ``rotation``, in the order of ``probes``.

    Args:
        train, test: embedding tables of one width.
        episodes_from: rows of the few-shot episodes, which need no training; ``test`` by default.
        progress: called with (probes done, probes in all).

    Raises:
        VidclError: a column is missing or empty, or as the probe.
    """
    sides = rows_of(train, config), rows_of(test, config)
    entries: list[dict[str, Any]] = []
    for done, name in enumerate(probes, 1):
        if name == "few-shot":
            rows = sides[1] if episodes_from is None else rows_of(episodes_from, config)
            entries += _few_shot(rows, "all" if episodes_from is not None else "test", config)
        else:
            entries += PROBES[name](*sides, config)
        if progress is not None:
            progress(done, len(probes))
    return entries


def _knn(train: Rows, test: Rows, config: ProbeConfig) -> list[dict[str, Any]]:
    return knn_probe(
        train.features,
        train.column(config.class_column),
        test.features,
        test.column(config.class_column),
        k=config.knn_k,
        temperature=config.knn_temperature,
        test_groups=test.groups,
        bootstrap=config.bootstrap,
        seed=config.seed,
    )


def _linear(train: Rows, test: Rows, config: ProbeConfig) -> list[dict[str, Any]]:
    entry = linear_sweep_probe(
        train.features,
        train.column(config.class_column),
        test.features,
        test.column(config.class_column),
        train_groups=train.groups,
        test_groups=test.groups,
        rates=config.linear_rates,
        decays=config.linear_decays,
        normalisations=config.linear_normalisations,
        epochs=config.linear_epochs,
        batch_size=config.linear_batch,
        validation_share=config.linear_validation,
        bootstrap=config.bootstrap,
        seed=config.seed,
    )
    return [entry]


def _logistic(train: Rows, test: Rows, config: ProbeConfig) -> list[dict[str, Any]]:
    labels, truth = train.column(config.class_column), test.column(config.class_column)
    names, index, _ = class_numbers(labels, truth, (len(train.features), len(test.features)))
    fit = fit_logistic(train.features, labels, l2=config.logistic_l2)
    hits = fit.predict(test.features) == truth
    return [
        probe_entry(
            "logistic",
            "accuracy",
            hits.mean(),
            interval=interval_over(hits, test.groups, config.bootstrap, config.seed),
            chance=float(np.unique(truth, return_counts=True)[1].max() / len(truth)),
            settings={
                "model": "multinomial logistic regression on standardised features, L-BFGS",
                "l2": config.logistic_l2,
                "iterations": 500,
                "converged": fit.converged,
                "train_rows": len(index),
                "test_rows": len(hits),
                "classes": len(names),
                "bootstrap": config.bootstrap,
                "seed": config.seed,
            },
        )
    ]


def _svm(train: Rows, test: Rows, config: ProbeConfig) -> list[dict[str, Any]]:
    names, targets = target_columns(train, config.target_prefix, config.class_column)
    test_names, test_targets = target_columns(test, config.target_prefix, config.class_column)
    if names != test_names:
        raise VidclError(
            f"Training has the classes {', '.join(names)}, the test {', '.join(test_names)}: "
            f"give both the same."
        )
    return svm_probe(
        train.features,
        targets,
        test.features,
        test_targets,
        names=names,
        train_groups=train.groups,
        test_groups=test.groups,
        folds=config.svm_folds,
        difficult=config.svm_difficult,
        bootstrap=config.bootstrap,
        seed=config.seed,
    )


def _few_shot(rows: Rows, which: str, config: ProbeConfig) -> list[dict[str, Any]]:
    entries = []
    for shots in config.shots:
        entries += few_shot_probe(
            rows.features,
            rows.column(config.class_column),
            groups=rows.groups,
            ways=config.ways,
            shots=shots,
            queries=config.queries,
            episodes=config.episodes,
            seed=config.seed,
        )
    for entry in entries:
        entry["settings"]["drawn_from"] = f"{which} rows"
    return entries


def _regression(train: Rows, test: Rows, config: ProbeConfig) -> list[dict[str, Any]]:
    names = numeric_columns(train, test, config)
    return ridge_cv_probe(
        train.features,
        {name: train.column(name) for name in names},
        test.features,
        {name: test.column(name) for name in names},
        angles=config.angle_columns,
        train_groups=train.groups,
        test_groups=test.groups,
        bootstrap=config.bootstrap,
        seed=config.seed,
    )


#: Probes of a training and a test side. Few-shot needs one side, rotation an encoder.
PROBES: dict[str, Callable[[Rows, Rows, ProbeConfig], list[dict[str, Any]]]] = {
    "knn": _knn,
    "linear": _linear,
    "logistic": _logistic,
    "svm": _svm,
    "regression": _regression,
}
