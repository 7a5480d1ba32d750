"""A set in a few lines, to see whether it is what one thinks it is."""

import numpy as np

from vidcl.datasets.labelled_set import LabelledSet

#: Values of a column that are named.
SHOWN = 3


def describe(data: LabelledSet) -> str:
    """Name, count, boxes, each column's values and the sizes of its groups, a line each."""
    boxes = "" if data.boxes is None else ", each cropped to its box"
    return "\n".join(
        [
            f"{data.name}: {len(data)} images{boxes}",
            *(f"  {name}: {_column(values)}" for name, values in data.labels.items()),
        ]
    )


def _column(values: np.ndarray) -> str:
    found, counts = np.unique(values, return_counts=True)
    shown = ", ".join(_word(value) for value in found[:SHOWN])
    more = ", ..." if len(found) > SHOWN else ""
    each = "each once" if counts.max() == 1 else f"{counts.min()} to {counts.max()} images each"
    return f"{len(found)} values ({shown}{more}), {each}"


def _word(value: object) -> str:
    # repr: a label may hold anything, control codes of a terminal among it.
    return repr(str(value)) if isinstance(value, str) else str(value)
