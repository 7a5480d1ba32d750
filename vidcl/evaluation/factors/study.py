"""Encoders on sets under every factor and severity: features kept on disk, curves measured."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vidcl.datasets.labelled import LabelledSet
from vidcl.evaluation.encoders import OpenEncoder
from vidcl.evaluation.factors import store
from vidcl.evaluation.factors.curves import factor_curves, subjects_of
from vidcl.evaluation.factors.settings import FactorSettings
from vidcl.evaluation.factors.store import Condition
from vidcl.evaluation.results import CHANCE
from vidcl.evaluation.table import table_features
from vidcl.progress import Progress

#: Given a factor ("" with severity 0: untouched) and a severity, features float [N, D].
Seen = Callable[[str, int], np.ndarray]


def chosen(data: LabelledSet, settings: FactorSettings) -> LabelledSet:
    """The images that are measured, in the set's own order."""
    if len(data) <= settings.images:
        return data
    generator = np.random.default_rng(settings.seed)
    return data.subset(np.sort(generator.permutation(len(data))[: settings.images]))


def embed_all(
    encoders: Sequence[OpenEncoder],
    sets: Mapping[str, LabelledSet],
    hashes: Mapping[str, str],
    settings: FactorSettings,
    folder: Path,
    progress: Progress,
) -> None:
    """Put every feature that is missing into ``folder``.

    Args:
        sets: by name, as ``chosen`` gave them.
        hashes: by name of the set, its content hash.
        progress: called with (images seen, images in all), an image counting once per condition and
            distinct encoder.

    Raises:
        VidclError: an image cannot be read, or a feature is not finite.
    """
    looks = [("", 0), *((f, s) for f in settings.factors for s in settings.severities)]
    features = {encoder.fingerprint: partial(_features, encoder) for encoder in encoders}
    total = len(looks) * len(features) * sum(map(len, sets.values()))
    done = 0

    def seen(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    for name, data in sets.items():
        for factor, severity in looks:
            condition = _condition(hashes[name], settings, factor, severity)
            store.fill(folder, data, condition, features, seen)


def measure_all(
    encoders: Sequence[OpenEncoder],
    sets: Mapping[str, LabelledSet],
    hashes: Mapping[str, str],
    settings: FactorSettings,
    folder: Path,
    progress: Progress,
) -> list[dict[str, Any]]:
    """The systems of results.json: every encoder's curves, and those of i.i.d. features.

    The latter have the first encoder's width; whatever they give is chance.

    Args:
        progress: called with (curves of an encoder on a set that are done, in all).

    Raises:
        VidclError: features are missing from ``folder`` or cannot be read.
    """
    kinds = [*((encoder.name, encoder.kind) for encoder in encoders), (CHANCE, "control")]
    systems: list[dict[str, Any]] = [
        {"name": name, "kind": kind, "run": None, "runs": 1, "sets": {}} for name, kind in kinds
    ]
    done = 0
    for set_name, data in sets.items():
        looks: list[Seen] = [
            partial(_stored, folder, encoder.fingerprint, hashes[set_name], settings)
            for encoder in encoders
        ]
        looks.append(partial(_independent, looks[0]("", 0).shape, settings.seed))
        subjects = subjects_of(
            data.labels, len(data), settings.instance_column, settings.class_column
        )
        for system, features in zip(systems, looks, strict=True):
            curves = factor_curves(
                features("", 0),
                features,
                settings.factors,
                settings.severities,
                subjects,
                k=settings.knn_k,
                temperature=settings.knn_temperature,
                bootstrap=settings.bootstrap,
                seed=settings.seed,
            )
            system["sets"][set_name] = {"images": len(data), **curves}
            done += 1
            progress(done, len(systems) * len(sets))
    return systems


def _features(encoder: OpenEncoder, data: LabelledSet) -> np.ndarray:
    return table_features(encoder.table(data))


def _condition(
    content_hash: str, settings: FactorSettings, factor: str, severity: int
) -> Condition:
    # Of the settings only what moves these images, so that others do not make them anew.
    occluder = settings.occluder if factor == "occlusion" else "grey"
    return Condition(content_hash, factor, severity, settings.seed if factor else 0, occluder)


def _stored(
    folder: Path,
    fingerprint: str,
    content_hash: str,
    settings: FactorSettings,
    factor: str,
    severity: int,
) -> np.ndarray:
    condition = _condition(content_hash, settings, factor, severity)
    return store.load(folder, condition, fingerprint)


def _independent(shape: tuple[int, ...], seed: int, factor: str, severity: int) -> np.ndarray:
    """Standard normal features that know nothing of the image, anew for every condition."""
    generator = np.random.default_rng([seed, zlib.crc32(factor.encode()), severity])
    return generator.standard_normal(shape, dtype=np.float32)
