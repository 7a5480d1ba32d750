"""Controls: features that know nothing of training, for every table of results.

The random-initialised network is the fourth control; it comes from ``models.checkpoint``.
"""

from collections.abc import Callable, Generator
from contextlib import closing

import numpy as np
import pyarrow as pa
from PIL import Image

from vidcl.evaluation.images import ImageData, ImageSource
from vidcl.evaluation.reading import ahead, chunks, hashed_source
from vidcl.evaluation.table import embedding_table, table_metadata

Progress = Callable[[int, int], None]

HISTOGRAM_BINS = 8
#: Side in pixels of what raw pixels compare.
PIXELS_SIDE = 16
#: Images per batch of rows.
BATCH = 256


def iid_table(like: pa.Table, dim: int, seed: int) -> pa.Table:
    """Independent standard normal features [N, dim] under the labels of ``like``.

    Whatever a measurement gives here is its chance level at this width and these set sizes.
    """
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((len(like), dim), dtype=np.float32)
    labels = {
        name: np.asarray(like[name].to_pylist()) for name in like.column_names if name != "feature"
    }
    return embedding_table(
        features, labels, table_metadata(like) | {"encoder": "iid", "seed": seed}
    )


def color_histogram_table(data: ImageData, *, progress: Progress | None = None) -> pa.Table:
    """Joint RGB histogram of 8 x 8 x 8 cells, square root of the frequencies, [N, 512].

    The rows have unit length, and their inner product is the Bhattacharyya coefficient.
    """
    return _feature_table(data, _color_histogram, "color-histogram", progress)


def raw_pixels_table(
    data: ImageData, size: int = PIXELS_SIDE, *, progress: Progress | None = None
) -> pa.Table:
    """Images shrunk to size x size by area, less their own mean, [N, 3 size^2].

    Without the mean, cosine would compare little else than brightness.
    """
    return _feature_table(data, lambda image: _raw_pixels(image, size), "raw-pixels", progress)


def color_histogram_rows(source: ImageSource, start: int) -> Generator[np.ndarray, None, None]:
    """The rows of ``color_histogram_table`` from ``start`` on, batch by batch."""
    return _rows(source, _color_histogram, start)


def raw_pixels_rows(source: ImageSource, start: int) -> Generator[np.ndarray, None, None]:
    """The rows of ``raw_pixels_table`` from ``start`` on, batch by batch."""
    return _rows(source, lambda image: _raw_pixels(image, PIXELS_SIDE), start)


def _rows(
    source: ImageSource, feature: Callable[[np.ndarray], np.ndarray], start: int
) -> Generator[np.ndarray, None, None]:
    def work(first: int, last: int) -> np.ndarray:
        return np.stack([feature(source.image(index)) for index in range(first, last)])

    spans = chunks(start, source.count, BATCH)
    with closing(ahead(work, spans, depth=BATCH)) as ready:
        yield from ready


def _feature_table(
    data: ImageData,
    feature: Callable[[np.ndarray], np.ndarray],
    name: str,
    progress: Progress | None,
) -> pa.Table:
    source = hashed_source(data)
    rows: list[np.ndarray] = []
    done = 0
    with closing(_rows(source, feature, 0)) as batches:
        for batch in batches:
            rows.append(batch)
            done += len(batch)
            if progress is not None:
                progress(done, source.count)
    metadata = {
        "encoder": name,
        "set": source.name,
        "images": source.count,
        "content_hash": source.content_hash(),
    }
    return embedding_table(np.concatenate(rows), source.labels, metadata)


def _color_histogram(image: np.ndarray) -> np.ndarray:
    cells = image.reshape(-1, 3) // (256 // HISTOGRAM_BINS)
    flat = (cells[:, 0].astype(np.int64) * HISTOGRAM_BINS + cells[:, 1]) * HISTOGRAM_BINS
    counts = np.bincount(flat + cells[:, 2], minlength=HISTOGRAM_BINS**3)
    return np.sqrt(counts / counts.sum()).astype(np.float32)


def _raw_pixels(image: np.ndarray, size: int) -> np.ndarray:
    small = Image.fromarray(image).resize((size, size), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float32).reshape(-1) / 255
    return pixels - pixels.mean()
