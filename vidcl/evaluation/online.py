"""A look at the encoder while it trains: k-NN on a labelled set, as a callback of the trainer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vidcl.datasets.labelled import open_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation.embed import embed
from vidcl.evaluation.probes.knn import knn_accuracy
from vidcl.evaluation.retrieval.cross_view import cross_view_retrieval
from vidcl.evaluation.table import table_column, table_features

#: Images of a larger set are thinned out evenly to so many.
MOST = 5000


def online_knn(path: str | Path, most: int = MOST) -> Callable[[Any], dict[str, Any]]:
    """A callback for ``vidcl.training.loop.train``.

    With a column ``class`` it returns ``knn``, the accuracy of 20 nearest neighbours (views of the
    image's own instance left out) and ``knn_chance``; with a column ``instance`` also
    ``recall@1`` of the same instance. Both in 0..1, on at most ``most`` images.

    Args:
        path: a labelled set: a folder of images in class folders, or a Parquet file.

    Raises:
        VidclError: there is no such set, or it has neither column.
    """
    data = open_labelled_set(path)
    if len(data) > most:
        data = data.subset(np.linspace(0, len(data) - 1, most).round().astype(np.int64))
    told = {name for name, values in data.labels.items() if len(np.unique(values)) > 1}
    if not {"class", "instance"} & told:
        raise VidclError(
            f"{path} has no label to look for while training: give a folder of class folders, or a "
            "Parquet set with a column 'class' or 'instance'."
        )

    def callback(state: Any) -> dict[str, Any]:
        table = embed(state.encoder, data, device=state.device)
        features, own = table_features(table), np.arange(len(table))
        instances = table_column(table, "instance") if "instance" in data.labels else own
        values: dict[str, Any] = {}
        if "class" in told:
            classes = table_column(table, "class")
            found = knn_accuracy(features, classes, instances, bootstrap=0)
            values |= {name: found[name] for name in ("knn", "knn_chance")}
        if "instance" in told:
            found = cross_view_retrieval(features, instances, None, 0.0, (1,), bootstrap=0)
            values["recall@1"] = found["recall@1"]
        return values

    return callback
