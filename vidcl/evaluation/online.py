"""A look at the encoder while it trains: a callback of the trainer that measures a small set.

The numbers are those that ``vidcl embed`` and ``vidcl evaluate`` give for the same weights and
images. The set is decoded once, at the first call, and kept in memory as the network's input;
nothing is read or hashed after that.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from vidcl.datasets.labelled import LabelledSet
from vidcl.datasets.registry import open_dataset
from vidcl.errors import VidclError
from vidcl.evaluation.config import EvaluationConfig, Measure
from vidcl.evaluation.images import image_source
from vidcl.evaluation.invariance.chance import chance_row
from vidcl.evaluation.measure import measure
from vidcl.evaluation.table import embedding_table
from vidcl.evaluation.thinned import thinned

#: Images of a larger set are thinned out to so many.
MOST = 5000
#: Bytes of images kept; of a set that needs more, fewer are measured. 1783 images at 224 pixels.
MEMORY = 1 << 30
#: Images that go through the network at once, as in ``vidcl embed``.
BATCH = 256


class OnlineEvaluation:
    """A callback for ``vidcl.training.loop.train``; ``callback(state)`` gives numbers by name.

    ``knn``: ``knn``, class accuracy by 20 nearest neighbours, other views of the image's own
    instance left out, and ``knn_chance``. ``retrieval``: ``recall@1``, ``recall@5``, ``recall@10``
    and ``map`` of the same instance, by the protocol of ``vidcl evaluate``. All of these in 0..1.
    ``invariance``: ``ris@10`` and ``ris@25`` in per cent with ``ris_chance@10`` and
    ``ris_chance@25``, what i.i.d. features of the same width would score, and ``whitened_cosine``
    (Ericsson et al. 2021), -1..1, left out while all features are alike.

    Attributes:
        metrics: which of the three are measured.
        names: the numbers that a call gives, if the network has enough features for RIS.
    """

    def __init__(
        self,
        data: LabelledSet,
        metrics: Sequence[Measure] | None = None,
        *,
        most: int = MOST,
        memory: int = MEMORY,
        config: EvaluationConfig | None = None,
    ) -> None:
        """
        Args:
            metrics: None takes all that the labels allow: ``knn`` needs two classes in the column
                ``class`` and more instances than classes, ``retrieval`` two instances in
                ``instance``, ``invariance`` three views of one of them.
            most: images of a larger set are thinned out evenly to so many; where that would leave
                fewer than 8 views of an instance on average, whole instances are left out.
            memory: bytes that the images may take, as float32 at the network's size.
            config: columns and constants; intervals are never made.

        Raises:
            VidclError: the labels do not allow what is asked for, or anything.
        """
        self.data, self.most, self.memory = data, most, memory
        config = config or EvaluationConfig()
        possible = _possible(data, config)
        if not possible:
            raise VidclError(
                f"The set {data.name} has no label to look for while training: give a folder of "
                "class folders, or a set with a column 'class' or 'instance'."
            )
        self.metrics: tuple[Measure, ...] = tuple(metrics or possible)
        for metric in self.metrics:
            if metric not in possible:
                raise VidclError(
                    f"The set {data.name} does not allow the online metric '{metric}' (it allows "
                    f"{', '.join(possible)}): {_NEEDS}."
                )
        self.config = config.model_copy(update={"measures": self.metrics, "bootstrap": 0})
        self._images: Tensor | None = None
        self._labels: dict[str, np.ndarray] = {}
        self._chance: dict[str, float] = {}

    @property
    def names(self) -> tuple[str, ...]:
        top = self.config.ris_top
        by_metric = {
            "knn": ("knn", "knn_chance"),
            "retrieval": (*(f"recall@{k}" for k in self.config.recall_at), "map"),
            "invariance": (
                *(f"ris{of}@{k}" for of in ("", "_chance") for k in top),
                "whitened_cosine",
            ),
        }
        return tuple(name for metric in self.metrics for name in by_metric[metric])

    def __call__(self, state: Any) -> dict[str, Any]:
        """``state`` has ``encoder`` and ``device`` (``vidcl.training.loop.State``).

        Raises:
            VidclError: an image does not decode (it is named), or a feature is not finite.
        """
        if self._images is None:
            self._images = self._prepared(state.encoder, state.device)
        features = _features(state.encoder, self._images, state.device)
        table = embedding_table(features, self._labels, {})
        found = measure("online", table, self.config) | self._chance_of(features.shape[1])
        return {name: found[name] for name in self.names if name in found}

    def _prepared(self, encoder: Any, device: torch.device) -> Tensor:
        """The network's input of every image that is measured, float32 [M, 3, S, S]."""
        size = encoder.preprocessing.size
        room = min(self.most, self.memory // (12 * size**2))
        rows = thinned(self.data, room, self.config.instance_column)
        if len(rows) < len(self.data):
            warnings.warn(
                f"{len(rows)} of the {len(self.data)} images of {self.data.name} are measured "
                f"while training, so as to keep to {self.most} images and "
                f"{self.memory / 2**20:.0f} MB",
                stacklevel=2,
            )
        source = image_source(self.data.subset(rows))
        self._labels = dict(source.labels)
        # where the set does not say, every image shows a thing of its own
        self._labels.setdefault(self.config.instance_column, np.arange(len(rows)))
        images = torch.empty(len(rows), 3, size, size)
        for index in range(len(rows)):
            pixels = torch.from_numpy(np.array(source.image(index))).permute(2, 0, 1)
            images[index] = encoder.preprocess(pixels[None].to(device))[0].cpu()
        return images

    def _chance_of(self, width: int) -> dict[str, float]:
        """``ris_chance@K`` of features of this width; drawn once."""
        top = [k for k in self.config.ris_top if k <= width]
        if "invariance" in self.metrics and top and not self._chance:
            sets = self._labels[_grouping(self.data, self.config)]
            classes = self._labels.get(self.config.class_column, sets)
            found = chance_row(sets, classes, width, top, mode=self.config.ris_mode)
            self._chance = {f"ris_chance@{k}": found[f"ris@{k}"] for k in top}
        return self._chance


#: Said where a metric is asked for that the labels do not allow.
_NEEDS = (
    "knn needs two classes in the column 'class', not each of one instance; retrieval two views of "
    "an instance in 'instance'; invariance three images of a set in 'set' or 'instance'"
)


def _possible(data: LabelledSet, config: EvaluationConfig) -> list[Measure]:
    found: list[Measure] = []
    classes = len(np.unique(data.labels.get(config.class_column, [])))
    instances = len(np.unique(data.labels.get(config.instance_column, np.arange(len(data)))))
    if classes > 1 and (instances > classes or config.class_column == config.instance_column):
        found.append("knn")
    for metric, column, least in (
        ("retrieval", config.instance_column, 2),
        ("invariance", _grouping(data, config), 3),
    ):
        views = np.unique(data.labels.get(column, []), return_counts=True)[1]
        if len(views) > 1 and views.max() >= least:
            found.append(cast(Measure, metric))
    return found


def _grouping(data: LabelledSet, config: EvaluationConfig) -> str:
    """The column of the sets of RIS, as ``vidcl evaluate`` chooses it."""
    return config.set_column if config.set_column in data.labels else config.instance_column


def _features(encoder: Any, images: Tensor, device: torch.device) -> np.ndarray:
    """float32 [M, D]."""
    with _evaluating(encoder), torch.inference_mode():
        parts = [encoder(part.to(device)).float().cpu() for part in images.split(BATCH)]
    return torch.cat(parts).numpy()


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, the training flags as they were afterwards."""
    flags = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, flag in flags:
            part.training = flag


def online_knn(path: str | Path, most: int = MOST) -> OnlineEvaluation:
    """``knn`` where the set has classes, and ``recall@1`` of the same instance where it has
    instances; views at any angle are right answers.

    Args:
        path: a labelled set, as ``vidcl.datasets.registry.open_dataset`` reads it.

    Raises:
        VidclError: there is no such set, or it has neither column.
    """
    config = EvaluationConfig(angle_column="", recall_at=(1,))
    data = open_dataset(path)
    metrics = [name for name in _possible(data, config) if name != "invariance"]
    return OnlineEvaluation(data, metrics or None, most=most, config=config)


def online_callbacks(
    knn: str | Path | None,
    online: str | Path | None,
    metrics: Sequence[Measure],
    keep_best: str | None,
) -> list[OnlineEvaluation]:
    """What the options --knn, --online and --online-metrics of a training ask for.

    Args:
        metrics: none: all that the set allows.
        keep_best: the number of the log whose best checkpoint is kept.

    Raises:
        VidclError: both sets are given, metrics without a set, or ``keep_best`` is a number of the
            online evaluation that is not measured.
    """
    if knn is not None and online is not None:
        raise VidclError("Give --online or --knn, not both: --online measures k-NN too.")
    if metrics and online is None:
        raise VidclError("--online-metrics needs a set to measure: give --online SET.")
    callbacks = []
    if knn is not None:
        callbacks.append(online_knn(knn))
    if online is not None:
        callbacks.append(OnlineEvaluation(open_dataset(online), tuple(metrics) or None))
    names = [name for callback in callbacks for name in callback.names]
    measured_online = keep_best is not None and keep_best.startswith(_PREFIXES)
    if measured_online and keep_best not in names:
        given = f"these are: {', '.join(names)}" if names else "give --online SET"
        raise VidclError(f"--training.keep-best {keep_best} is not measured in this run; {given}.")
    return callbacks


#: What names of the online evaluation begin with.
_PREFIXES = ("knn", "recall@", "map", "ris", "whitened")
