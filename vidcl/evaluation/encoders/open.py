"""From a word to an encoder."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.evaluation.controls import (
    HISTOGRAM_BINS,
    PIXELS_SIDE,
    color_histogram_rows,
    raw_pixels_rows,
)
from vidcl.evaluation.encoders.feature_file import read_features
from vidcl.evaluation.encoders.fingerprint import plain_fingerprint
from vidcl.evaluation.encoders.network import network_encoder
from vidcl.evaluation.encoders.opened import OpenEncoder
from vidcl.evaluation.encoders.published import TORCHVISION, timm_encoder, torchvision_encoder
from vidcl.models.backbones import TIMM
from vidcl.models.checkpoint import FORMAT, LAST, load_encoder
from vidcl.models.encoder import Architecture, Encoder, Preprocessing, build_encoder, random_encoder
from vidcl.models.metadata import from_metadata
from vidcl.models.weights import read_weights

RANDOM = "random:"
FEATURES = "features:"
HISTOGRAM = "color-histogram"
PIXELS = "raw-pixels"
#: The words that are no path, for help and error texts.
SPECS = (
    "random:BACKBONE, torchvision:NAME, timm:NAME, color-histogram, raw-pixels, "
    "features:FILE.parquet"
)


def open_encoder(
    spec: str,
    *,
    size: int | None = None,
    arch: str | None = None,
    device: str | None = None,
    batch_size: int = 256,
    seed: int = 0,
) -> OpenEncoder:
    """Open an encoder by one word.

    Args:
        spec: one of

            - a run folder or a file of weights (``docs/checkpoints.md``);
            - ``random:BACKBONE``: fresh weights (``random:resnet50``, ``random:timm:...``);
            - ``torchvision:NAME[.WEIGHTS][@FILE]``, ``timm:NAME[.TAG][@FILE]``: published weights
              with their own preprocessing, from the library's cache on this machine or a file;
            - ``color-histogram``, ``raw-pixels``: no network at all;
            - ``features:FILE.parquet`` or ``.npy``: features made elsewhere, whose rows are matched
              to the images by a column ``path`` or ``key``, else by number and order;

            ``NAME=SPEC`` gives it another name. A path that exists is never taken apart.
        size: side in pixels of the input of ``random:``, and of files that do not say (224
            otherwise).
        arch: the backbone of a file of weights whose tensors do not tell.
        device: where networks run; by default a GPU when there is one.
        batch_size: images per forward pass; features do not depend on it.
        seed: of the weights of ``random:``.

    Raises:
        VidclError: there is nothing of this name, or it cannot be read; nothing is embedded yet.
    """
    name, word = named_spec(spec)
    if word == HISTOGRAM:
        facts: dict[str, Any] = {"histogram": HISTOGRAM_BINS}
        return OpenEncoder(
            name,
            "control",
            plain_fingerprint({"control": HISTOGRAM} | facts),
            HISTOGRAM_BINS**3,
            facts,
            color_histogram_rows,
        )
    if word == PIXELS:
        facts = {"crop": PIXELS_SIDE, "interpolation": "box", "squash": True}
        return OpenEncoder(
            name,
            "control",
            plain_fingerprint({"control": PIXELS} | facts),
            3 * PIXELS_SIDE**2,
            facts,
            raw_pixels_rows,
        )
    if word.startswith(FEATURES):
        return _features(word.removeprefix(FEATURES), name)
    if word.startswith(RANDOM):
        architecture = Architecture(word.removeprefix(RANDOM))
        like = build_encoder(architecture, Preprocessing(size=size or Preprocessing().size))
        fresh = random_encoder(like, seed)
        opened = network_encoder(fresh, name, "control", device=device, batch_size=batch_size)
        return replace(opened, facts=lambda source: {"seed": seed})
    encoder: Encoder
    if word.startswith(TORCHVISION):
        encoder = torchvision_encoder(word)
    elif word.startswith(TIMM):
        encoder = timm_encoder(word)
    else:
        if not Path(word).exists():
            raise VidclError(
                f"There is no encoder '{word}': give a run folder, a file of weights, or one of "
                f"{SPECS}."
            )
        own = _says_its_size(Path(word))
        encoder = load_encoder(word, arch=arch, size=None if own else size)
    return network_encoder(encoder, name, "trained", device=device, batch_size=batch_size)


def named_spec(word: str) -> tuple[str, str]:
    """(name, what it names) of ``NAME=SPEC`` or ``SPEC``.

    A run or a file is named as it is on the disk: by its folder, or by its file's name.
    """
    if not Path(word).exists():
        given, equals, spec = word.partition("=")
        if equals and given and spec:
            return given, spec
    path = Path(word)
    if not path.exists():
        return word, word
    path = path.resolve()
    if path.parent.name == LAST.parent.name:  # RUN/checkpoints/step.pt
        return f"{path.parent.parent.name}/{path.stem}", word
    return path.name, word


def _features(file: str, name: str) -> OpenEncoder:
    """A plain table: nothing but its own bytes tells it from others."""
    table = read_features(file)
    with open(file, "rb") as content:
        digest = hashlib.file_digest(content, "sha256").digest()
    return OpenEncoder(
        name,
        "trained",
        plain_fingerprint({"features": "file"}, digest),
        table.features.shape[1],
        {},
        table.rows,
        check=table.check,
        facts=table.facts,
        cached=False,
    )


def _says_its_size(path: Path) -> bool:
    """Whether a run or a file carries its preprocessing."""
    if path.is_dir():
        return True
    content = read_weights(path)
    told = from_metadata(content.get("metadata"), str(path))
    return content.get("format") == FORMAT or told is not None
