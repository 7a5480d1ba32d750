"""Pictures that whoever made a run hands to its page.

``RUN/figures/figures.json`` lists them in order: {"figures": [{"file": "track-00.png", "section":
"tracks", "caption": "..."}]}. The files lie beside it. Sections: "tracks" (film strips, kept at
their height and scrolled sideways on a phone), "pairs" (positive pairs as the network sees them)
and "other".
"""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vidcl.errors import VidclError
from vidcl.files import write_atomic

SECTIONS = ("tracks", "pairs", "other")
# A larger PNG goes into the page as JPEG, no wider than this.
PNG_LIMIT = 60_000
WIDEST = 1600
JPEG_QUALITY = 80


@dataclass(frozen=True)
class EmbeddedFigure:
    """A picture as a data URI, with its size in pixels."""

    section: str
    caption: str
    uri: str
    width: int
    height: int


def film_strip(crops: Sequence[np.ndarray], *, gap: int = 2) -> np.ndarray:
    """Crops uint8 [H, W, 3] of one height, side by side on white."""
    if not crops:
        raise VidclError("A film strip needs at least one crop.")
    space = np.full((crops[0].shape[0], gap, 3), 255, dtype=np.uint8)
    parts = [part for crop in crops for part in (crop, space)]
    return np.concatenate(parts[:-1], axis=1)


def pair_sheet(first: np.ndarray, second: np.ndarray, *, gap: int = 2) -> np.ndarray:
    """Views uint8 [N, H, W, 3] and their positives as one picture: columns are pairs."""
    top, bottom = film_strip(list(first), gap=gap), film_strip(list(second), gap=gap)
    space = np.full((gap, top.shape[1], 3), 255, dtype=np.uint8)
    return np.concatenate([top, space, bottom])


def save_figure(run: str | Path, section: str, name: str, image: np.ndarray, caption: str) -> Path:
    """Write uint8 [H, W, 3] as ``figures/<name>.png`` and list it; the same name replaces.

    Raises:
        VidclError: the section is not one of ``SECTIONS``, or the name is not a plain file name.
    """
    if section not in SECTIONS:
        raise VidclError(f"A figure's section is one of {', '.join(SECTIONS)}, not '{section}'.")
    folder = Path(run) / "figures"
    file = f"{name}.png"
    if Path(file).name != file:
        raise VidclError(f"'{name}' is not a plain file name for a figure.")
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    write_atomic(folder / file, buffer.getvalue())
    entries = [entry for entry in _entries(folder) if entry["file"] != file]
    entries.append({"file": file, "section": section, "caption": caption})
    write_atomic(folder / "figures.json", json.dumps({"figures": entries}, indent=1).encode())
    return folder / file


def load_figures(run: str | Path) -> list[EmbeddedFigure]:
    """The listed figures of a run folder, ready to stand in a page; none where there is no list.

    Raises:
        VidclError: the list is damaged, or a file it names is missing or no picture.
    """
    folder = Path(run) / "figures"
    return [_embedded(folder, entry) for entry in _entries(folder)]


def _entries(folder: Path) -> list[dict[str, str]]:
    path = folder / "figures.json"
    if not path.exists():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["figures"]
        return [
            {key: str(entry[key]) for key in ("file", "section", "caption")} for entry in entries
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VidclError(f"{path} is not a list of figures ({error}): delete it.") from error


def _embedded(folder: Path, entry: dict[str, str]) -> EmbeddedFigure:
    file = entry["file"]
    if Path(file).name != file:
        raise VidclError(f"{folder / 'figures.json'} names {file}, which lies outside its folder.")
    try:
        data = (folder / file).read_bytes()
        with Image.open(io.BytesIO(data)) as opened:
            kind, picture = opened.format, opened.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise VidclError(f"The figure {folder / file} cannot be read ({error}).") from error
    if kind != "PNG" or len(data) > PNG_LIMIT:
        if picture.width > WIDEST:
            height = max(1, round(picture.height * WIDEST / picture.width))
            picture = picture.resize((WIDEST, height), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        picture.save(buffer, format="JPEG", quality=JPEG_QUALITY)
        kind, data = "JPEG", buffer.getvalue()
    uri = f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode('ascii')}"
    return EmbeddedFigure(entry["section"], entry["caption"], uri, picture.width, picture.height)
