"""A contact sheet: one image under every factor at every severity, to see what is done to it."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vidcl.evaluation.factors.strengths import FACTORS, UNTOUCHED
from vidcl.evaluation.factors.transform import transform

#: Longer side of a picture in pixels, space between them, room for words.
SIDE, GAP, LINE, MARGIN = 128, 4, 15, 88


def contact_sheet(
    image: np.ndarray,
    seed: int = 0,
    *,
    factors: Sequence[str] = tuple(FACTORS),
    severities: Sequence[int] = (UNTOUCHED, 1, 2, 3, 4, 5),
    other: np.ndarray | None = None,
) -> np.ndarray:
    """A row per factor, a column per severity, under each picture its strength.

    Pictures are enlarged or shrunk to be seen, after they are transformed at their own size.

    Args:
        image: uint8 [H, W, 3].
        other: an image that covers in the factor occlusion; None: grey.

    Returns:
        uint8 [H', W', 3], dark words on white.

    Raises:
        VidclError: as ``transform``.
    """
    height, width = image.shape[:2]
    zoom = SIDE / max(height, width)
    shown = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    step = (max(shown[0], SIDE // 2) + GAP, shown[1] + LINE + GAP)
    size = (MARGIN + step[0] * len(severities), LINE + GAP + step[1] * len(factors))
    sheet = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=11)
    for column, severity in enumerate(severities):
        words = "untouched" if severity == UNTOUCHED else f"severity {severity}"
        pen.text((MARGIN + column * step[0], 2), words, fill="black", font=font)
    how = Image.Resampling.NEAREST if zoom > 1 else Image.Resampling.LANCZOS
    for row, factor in enumerate(factors):
        top = LINE + GAP + row * step[1]
        pen.text((GAP, top + shown[1] // 2), factor, fill="black", font=font)
        for column, severity in enumerate(severities):
            changed = transform(image, factor, severity, seed, other=other)
            place = (MARGIN + column * step[0], top)
            sheet.paste(Image.fromarray(changed).resize(shown, how), place)
            if severity != UNTOUCHED:
                words = ", ".join(f"{value:g}" for value in FACTORS[factor].steps[severity - 1])
                pen.text((place[0], top + shown[1] + 1), words, fill="#555555", font=font)
    return np.asarray(sheet)
