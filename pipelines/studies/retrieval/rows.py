"""Rows and sets of a retrieval benchmark, opened and checked before anything is embedded."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vidcl.datasets.labelled import LabelledSet
from vidcl.datasets.registry import named_dataset
from vidcl.errors import VidclError
from vidcl.evaluation.encoders import SPECS, OpenEncoder, open_encoder, random_twin
from vidcl.evaluation.results import CHANCE


@dataclass(frozen=True)
class Sets:
    """What is measured on, by name."""

    measured: dict[str, LabelledSet]
    distractors: dict[str, LabelledSet] = field(default_factory=dict)
    """Their images are in the gallery of every measured set."""

    def all(self) -> dict[str, LabelledSet]:
        return self.measured | self.distractors


def open_sets(
    datasets: Sequence[str],
    distractors: Sequence[str],
    instance_column: str,
    *,
    limit: int | None = None,
    seed: int = 0,
) -> Sets:
    """The sets and the distractors by name; a measured set has the instance column.

    Args:
        datasets, distractors: words of ``vidcl.datasets.registry.named_dataset``.
        limit: at most so many images of each, drawn by ``seed``, in the set's order.

    Raises:
        VidclError: none is given, one cannot be opened, two have one name, or a column is missing.
    """
    if limit is not None and limit < 2:
        raise VidclError(f"--limit {limit} leaves nothing to find: give 2 or more images per set.")
    opened: list[dict[str, LabelledSet]] = []
    names: set[str] = set()
    for words in (datasets, distractors):
        found = {}
        for word in words:
            name, data = named_dataset(word)
            if name in names:
                raise VidclError(f"Two sets are named '{name}': give each a name of its own.")
            names.add(name)
            found[name] = data if limit is None else some_of(data, limit, seed)
        opened.append(found)
    if not opened[0]:
        raise VidclError("Name at least one data set: --datasets NAME:PATH.")
    for name, data in opened[0].items():
        if name == "tracks" or name.startswith("tracks_"):
            raise VidclError(
                f"'{name}' names crops of tracks in results, which are measured by their times: "
                "give the set another name."
            )
        if instance_column not in data.labels:
            have = ", ".join(data.labels) or "none"
            raise VidclError(
                f"The set {name} has no label column '{instance_column}': choose one of {have} "
                "with --instance-column."
            )
    return Sets(*opened)


def some_of(data: LabelledSet, limit: int, seed: int) -> LabelledSet:
    """At most ``limit`` images, drawn without replacement, in the set's order."""
    if len(data) <= limit:
        return data
    rows = np.random.default_rng(seed).choice(len(data), limit, replace=False)
    return data.subset(np.sort(rows))


def open_encoders(
    words: Sequence[str],
    sets: Sets,
    *,
    size: int | None,
    device: str | None,
    batch_size: int,
    seed: int,
) -> list[OpenEncoder]:
    """The rows that were asked for, and a random twin of every network that lacks one.

    Raises:
        VidclError: none is given, one cannot be opened or does not fit a set, or two have one name.
    """
    if not words:
        raise VidclError(f"Name at least one encoder: --encoders RUN, or one of {SPECS}.")
    opened: list[OpenEncoder] = []
    for word in words:
        encoder = open_encoder(word, size=size, device=device, batch_size=batch_size, seed=seed)
        if encoder.name in {one.name for one in opened} or encoder.name.startswith(CHANCE):
            raise VidclError(f"Two rows are named '{encoder.name}': rename one with NAME=ENCODER.")
        opened.append(encoder)
    with warnings.catch_warnings():
        warnings.simplefilter("always")  # once per set, not once per place in the code
        for encoder in opened:
            for data in sets.all().values():
                encoder.check(data)
    return opened + _twins(opened, device=device, batch_size=batch_size, seed=seed)


def _twins(
    opened: Sequence[OpenEncoder], *, device: str | None, batch_size: int, seed: int
) -> list[OpenEncoder]:
    """A network before training beside every one after it, once per kind and preprocessing."""
    have = [_kind(one) for one in opened if one.kind == "control"]
    twins: list[OpenEncoder] = []
    for encoder in opened:
        if encoder.module is None or encoder.kind == "control" or _kind(encoder) in have:
            continue
        have.append(_kind(encoder))
        twin = random_twin(encoder, device=device, batch_size=batch_size, seed=seed)
        taken = {one.name for one in (*opened, *twins)}
        names = (twin.name, f"{twin.name}, {twin.preprocessing['crop']} px")
        free = [name for name in names if name not in taken]
        twins.append(replace(twin, name=(free or [f"{twin.name} of {encoder.name}"])[0]))
    return twins


def _kind(encoder: OpenEncoder) -> object:
    return encoder.module and (encoder.module.architecture, sorted(encoder.preprocessing.items()))
