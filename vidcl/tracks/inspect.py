"""Look at a track store: a contact sheet of sampled tracks. What it holds in words: summary.py."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.tracks.store import TrackStore, open_store
from vidcl.tracks.summary import summarize

__all__ = ["contact_sheet", "summarize", "write_contact_sheet"]

_PAPER, _INK, _FAINT = (250, 250, 248), (30, 30, 30), (120, 120, 120)
_KIND_INK = {"frame": (40, 90, 160), "region": (190, 80, 20), "image": (60, 120, 60)}


def contact_sheet(
    path: str | Path,
    rng: np.random.Generator,
    *,
    tracks: int = 16,
    steps: int = 12,
    side: int = 96,
) -> Image.Image:
    """Film strips of sampled tracks: one row each, crops with their true aspect and their times.

    Args:
        path: the store.
        rng: which tracks. Regions fill the sheet but for a quarter left to other kinds.
        tracks: rows at most.
        steps: crops per row at most, spread evenly over the track.
        side: cell of a crop in pixels.

    Raises:
        VidclError: there is no store, or it has no tracks.
    """
    store = open_store(path)
    rows = _sample(store, rng, tracks)
    font, small = ImageFont.load_default(13), ImageFont.load_default(11)
    label, head, line = 250, 34, side + 22
    columns = min(steps, int(store.lengths[rows].max()))
    size = (label + columns * (side + 4) + 8, head + len(rows) * line + 8)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    title = f"{len(rows)} of {len(store)} tracks of {Path(path).name}"
    draw.text((8, 10), title, _INK, font)
    for place, row in enumerate(rows):
        top = head + place * line
        draw.line((0, top - 3, size[0], top - 3), (220, 220, 216))
        for number, (text, ink) in enumerate(_labels(store, row)):
            draw.text((8, top + 2 + 17 * number), _fit(text, small, label - 14), ink, small)
        picked = np.linspace(0, store.lengths[row] - 1, min(columns, store.lengths[row]))
        times, sizes = store.times(row), store.sizes(row)
        for column, step in enumerate(np.unique(picked.round().astype(int))):
            left = label + column * (side + 4)
            crop = _true_aspect(store.crop(row, int(step)), sizes[step], side)
            sheet.paste(crop, (left + (side - crop.width) // 2, top + (side - crop.height) // 2))
            draw.text((left + 2, top + side + 2), f"{times[step]:.2f} s", _FAINT, small)
    return sheet


def write_contact_sheet(
    path: str | Path, sheet: str | Path, rng: np.random.Generator, *, tracks: int = 16
) -> None:
    """Write the contact sheet of the store ``path`` as the PNG file ``sheet``.

    Raises:
        VidclError: as ``contact_sheet``, or the file cannot be written.
    """
    picture = contact_sheet(path, rng, tracks=tracks)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    try:
        write_atomic(Path(sheet), buffer.getvalue())
    except OSError as error:
        raise VidclError(f"Cannot write {sheet} ({error}): name another file.") from error


def _sample(store: TrackStore, rng: np.random.Generator, tracks: int) -> np.ndarray:
    regions = store.select(kind="region")
    others = np.setdiff1d(np.arange(len(store)), regions)
    room = min(len(others), max(tracks // 4, tracks - len(regions)))
    picked = [
        rng.choice(rows, size=min(count, len(rows)), replace=False)
        for rows, count in ((regions, tracks - room), (others, room))
    ]
    return np.concatenate([np.sort(rows) for rows in picked]).astype(np.int64)


def _labels(store: TrackStore, row: int) -> list[tuple[str, tuple[int, int, int]]]:
    kind = str(store.kind[row])
    first = store.boxes(row)[0].round().astype(int)
    box = f"{first[2] - first[0]} x {first[3] - first[1]} px at {first[0]}, {first[1]}"
    return [
        (f"{kind} · {store.proposer[row]} · {store.tracker[row]}", _KIND_INK.get(kind, _INK)),
        (Path(str(store.video[row])).name, _INK),
        (f"{store.lengths[row]} crops, ends: {store.end_reason[row]}", _INK),
        (f"change {store.change[row]:.2f}, {store.split[row]}", _INK),
        (box if store.label[row] is None else f"label {store.label[row]}", _FAINT),
    ]


def _fit(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _true_aspect(jpeg: bytes, size: np.ndarray, side: int) -> Image.Image:
    width, height = (float(value) for value in size)
    scale = side / max(width, height)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    return Image.open(io.BytesIO(jpeg)).convert("RGB").resize(shape, Image.Resampling.BICUBIC)
