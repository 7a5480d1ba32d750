"""Some images of a labelled set that stand for all of it."""

import numpy as np

from vidcl.datasets.labelled import LabelledSet
from vidcl.errors import VidclError

#: Views of a thing that thinning leaves; where that cannot be, whole things are left out.
LEAST_VIEWS = 8


def thinned(data: LabelledSet, most: int, instance_column: str) -> np.ndarray:
    """Rows int64 [M] of at most ``most`` images, evenly over the set and in its order.

    Where that would leave fewer than 8 views of an instance on average, every view of evenly chosen
    instances. A set without the column, or with one view of everything, is thinned by rows.

    Raises:
        VidclError: there is room for no image, or not for all views of two instances.
    """
    count = len(data)
    if count <= most:
        return np.arange(count)
    if most < 1:
        raise VidclError(f"There is no room to keep even one image of {data.name}.")
    rows = np.linspace(0, count - 1, most).round().astype(np.int64)
    instances = data.labels.get(instance_column)
    if instances is None:
        return rows
    _, index, sizes = np.unique(instances, return_inverse=True, return_counts=True)
    if sizes.max() < 2 or most >= LEAST_VIEWS * len(sizes):
        return rows
    whole = len(sizes)
    while whole > 1:
        kept = np.linspace(0, len(sizes) - 1, whole).round().astype(np.int64)
        if sizes[kept].sum() <= most:
            return np.flatnonzero(np.isin(index, kept))
        whole = min(whole - 1, int(whole * max(most / sizes[kept].sum(), 0.5)))
    raise VidclError(
        f"There is no room for all views of two things of {data.name}: give a smaller set."
    )
