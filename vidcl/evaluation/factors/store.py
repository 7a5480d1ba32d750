"""Features of transformed images on disk, so that a stopped measurement goes on where it was."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vidcl.datasets.labelled import LabelledSet
from vidcl.errors import VidclError
from vidcl.evaluation.factors.strengths import FACTORS, UNTOUCHED
from vidcl.evaluation.factors.transform import Occluder, transformed_set
from vidcl.files import atomic_path

#: Images held at once, encoded, while every encoder sees them: bytes, and a count.
HELD_BYTES = 128 << 20
HELD_IMAGES = 1024

Features = Callable[[LabelledSet], np.ndarray]


@dataclass(frozen=True)
class Condition:
    """One look at a set.

    Attributes:
        fingerprint: of the set's images.
        factor: "" for the untouched images.
        severity: 0 with it.
        seed: of what chance decides.
    """

    fingerprint: str
    factor: str = ""
    severity: int = UNTOUCHED
    seed: int = 0
    occluder: Occluder = "grey"

    def path(self, folder: Path, encoder: str) -> Path:
        """Where the features of the encoder of this fingerprint lie.

        The name's hash holds all that they depend on, the meaning of the severity too.
        """
        step = FACTORS[self.factor].steps[self.severity - 1] if self.factor else ()
        words = json.dumps([encoder, asdict(self), step])
        digest = hashlib.sha256(words.encode()).hexdigest()[:24]
        return folder / f"{self.factor or 'clean'}-{self.severity}-{digest}.npy"


def fill(
    folder: Path,
    data: LabelledSet,
    condition: Condition,
    encoders: Mapping[str, Features],
    seen: Callable[[int], None],
) -> None:
    """Embed the set under one condition by those encoders whose features are not on disk yet.

    The images are made once for all encoders, some at a time.

    Args:
        data: the untouched images.
        encoders: by fingerprint, what gives features float [M, D] of a set of M images.
        seen: told how many images an encoder is further, those found on disk included.

    Raises:
        VidclError: an image cannot be read.
    """
    missing = {}
    for fingerprint, features in encoders.items():
        if condition.path(folder, fingerprint).exists():
            seen(len(data))
        else:
            missing[fingerprint] = features
    if not missing:
        return
    looked_at = data
    if condition.factor:
        looked_at = transformed_set(
            data,
            condition.factor,
            condition.severity,
            condition.seed,
            occluder=condition.occluder,
        )
    parts: dict[str, list[np.ndarray]] = {fingerprint: [] for fingerprint in missing}
    for held in _held(looked_at):
        for fingerprint, features in missing.items():
            parts[fingerprint].append(np.asarray(features(held), dtype=np.float32))
            seen(len(held))
    for fingerprint, rows in parts.items():
        with atomic_path(condition.path(folder, fingerprint)) as aside, open(aside, "wb") as file:
            np.save(file, np.concatenate(rows))


def load(folder: Path, condition: Condition, encoder: str) -> np.ndarray:
    """Features float32 [N, D] that ``fill`` has kept.

    Raises:
        VidclError: there are none, or they cannot be read.
    """
    path = condition.path(folder, encoder)
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise VidclError(f"Cannot read the features {path} ({error}): delete the file.") from error


def _held(data: LabelledSet) -> Iterator[LabelledSet]:
    """The set in parts, in order, each with its encoded images in memory."""
    images: list[bytes] = []
    held = 0
    for index in range(len(data)):
        images.append(data.read(index))
        held += len(images[-1])
        if len(images) == HELD_IMAGES or held >= HELD_BYTES or index + 1 == len(data):
            rows = slice(index + 1 - len(images), index + 1)
            boxes = None if data.boxes is None else data.boxes[rows]
            labels = {column: values[rows] for column, values in data.labels.items()}
            yield LabelledSet(data.name, labels, images.__getitem__, len(images), boxes)
            images, held = [], 0
