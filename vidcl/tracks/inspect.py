"""Look at a track store: a summary in words, and a contact sheet of sampled tracks."""

import io
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.tracks.extraction.plan import read_plan
from vidcl.tracks.extraction.shard import read_outcomes
from vidcl.tracks.extraction.videos import read_videos, videos_path
from vidcl.tracks.store import TrackStore, open_store

_PAPER, _INK, _FAINT = (250, 250, 248), (30, 30, 30), (120, 120, 120)
_KIND_INK = {"frame": (40, 90, 160), "region": (190, 80, 20), "image": (60, 120, 60)}


def summarize(path: str | Path) -> str:
    """What a store holds, as lines of text: tracks, lengths, end reasons, splits, faults.

    A store whose videos all failed is summarised too.

    Raises:
        VidclError: there is no store, or a shard is damaged.
    """
    store = TrackStore(path)
    lines = [f"Track store {path}"]
    lines += _shard_lines(store)
    if len(store):
        lines += _track_lines(store)
    if videos_path(path).is_file():
        lines += _file_lines(path)
    return "\n".join(lines)


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


def _shard_lines(store: TrackStore) -> list[str]:
    plan = read_plan(store.path / "plan.json")
    if plan is None:
        return [f"  shards      {len(store.shards)}"]
    total = len(plan.shards)
    done = sum(read_outcomes(store.path, number) is not None for number in range(total))
    missing = "" if done == total else "; run its extract command again to finish"
    rates = [store.metadata.get(name) for name in ("follow_rate", "keep_rate")]
    shown = ["every frame" if rate is None else f"{rate:g}/s" for rate in rates]
    followed = f"; followed {shown[0]}, kept {shown[1]}" if plan.kind == "video" else ""
    canvas = f"  canvas      {store.metadata.get('canvas')} px{followed}"
    return [f"  shards      {done} of {total}{missing}", canvas, f"  backend     {plan.backend}"]


def _track_lines(store: TrackStore) -> list[str]:
    lengths = store.lengths
    lines = [f"  tracks      {len(store)} with {int(lengths.sum())} crops"]
    combined = zip(store.kind, store.proposer, store.tracker, strict=True)
    for (kind, proposer, tracker), count in sorted(Counter(combined).items()):
        rows = store.select(kind=kind, proposer=proposer, tracker=tracker)
        quarters = np.percentile(lengths[rows], [25, 50, 75, 100]).round().astype(int)
        spans = [float(store.times(row)[-1] - store.times(row)[0]) for row in rows]
        lines.append(
            f"    {kind:<7} proposer {proposer:<7} tracker {tracker:<8} {count:>7} tracks, "
            f"median {quarters[1]} crops (quartiles {quarters[0]} to {quarters[2]}, longest "
            f"{quarters[3]}), {np.median(spans):.2f} s, change {store.change[rows].mean():.2f}"
        )
    for name in ("end_reason", "split"):
        counts = Counter(getattr(store, name)).most_common()
        lines.append(f"  {name:<11} " + ", ".join(f"{value} {count}" for value, count in counts))
    return lines


def _file_lines(path: str | Path) -> list[str]:
    files = read_videos(path).to_pylist()
    status = Counter(row["status"] for row in files)
    listed = ", ".join(f"{count} {name}" for name, count in status.most_common())
    frames = sum(row["frames"] for row in files)
    corrupt = sum(row["corrupt_frames"] for row in files)
    seconds = sum(row["seconds"] for row in files)
    lines = [
        f"  files       {len(files)}: {listed}",
        f"  decoded     {frames} frames, {corrupt} of them corrupt, in {seconds:.1f} s of work",
    ]
    faults = Counter(row["error"] for row in files if row["error"])
    for kind, count in faults.most_common():
        first = next(row for row in files if row["error"] == kind)
        message = (first["message"] or "").splitlines()[0]
        lines.append(f"    fault {kind}: {count}, the first: {message}")
    return lines


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
