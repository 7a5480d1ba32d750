"""An encoder that was opened: a name, a fingerprint, and features of images in order."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from vidcl.datasets.labelled import LabelledSet
from vidcl.evaluation.images import ImageData, ImageSource
from vidcl.evaluation.reading import hashed_source
from vidcl.evaluation.table import embedding_table
from vidcl.models.encoder import Encoder

Progress = Callable[[int, int], None]


def nothing_to_check(data: LabelledSet) -> None:
    """Most encoders take any set."""


@dataclass(frozen=True)
class OpenEncoder:
    """A row of a table of results, before it is measured."""

    name: str
    kind: Literal["trained", "control"]
    fingerprint: str
    """SHA-256 (hex) of everything that moves its features: the weights' bytes with the tensors'
    names, the architecture, the preprocessing and the version of the code that does it."""
    width: int | None
    """D of its features, where that is known before an image was seen."""
    preprocessing: Mapping[str, Any]
    """How an image becomes its input, for the metadata of its tables; JSON holds it."""
    rows: Callable[[ImageSource, int], Generator[np.ndarray, None, None]]
    """``rows(source, start)``: features float32 [n, D] of the images from ``start`` on, in order,
    batch by batch. Close it (``contextlib.closing``) when it is not read to its end."""
    module: Encoder | None = None
    """The network, of encoders that are one."""
    check: Callable[[LabelledSet], None] = nothing_to_check
    """Raises a VidclError where a set cannot be embedded, before anything is."""
    facts: Callable[[ImageSource], Mapping[str, Any]] = field(default=lambda source: {})
    """What else the metadata of a set's table says."""
    cached: bool = True
    """Whether its features are worth keeping in a cache."""

    def table(self, data: ImageData, progress: Progress | None = None) -> pa.Table:
        """Features and labels of every image; the table of ``vidcl.evaluation.embed.embed``.

        Args:
            progress: called with (images done, images in all).

        Raises:
            VidclError: there are no images, one cannot be read (it is named), a feature is not
                finite, or the set is not the one that a feature file is of.
        """
        source = hashed_source(data)
        features: list[np.ndarray] = []
        done = 0
        with closing(self.rows(source, 0)) as batches:
            for batch in batches:
                features.append(batch)
                done += len(batch)
                if progress is not None:
                    progress(done, source.count)
        return self.labelled(np.concatenate(features), source)

    def labelled(self, features: np.ndarray, source: ImageSource) -> pa.Table:
        """Features [N, D] of all images of a set as its table."""
        return embedding_table(features, source.labels, self.metadata(source))

    def metadata(self, source: ImageSource) -> dict[str, Any]:
        """What the table of a set says about itself; reads images whose hash is not known yet."""
        return {
            "encoder": self.name,
            "size": self.preprocessing.get("crop"),
            "set": source.name,
            "images": source.count,
            "content_hash": source.content_hash(),
            "fingerprint": self.fingerprint,
            "preprocessing": dict(self.preprocessing),
            **self.facts(source),
        }
