import io
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from vidcl.errors import VidclError
from vidcl.models.jpeg import decode_jpegs, is_plain

YX = np.mgrid[0:32, 0:32]
PIXELS = np.stack([YX[0] * 8, YX[1] * 8, 255 - YX[0] * 8], 2).astype(np.uint8)


def jpeg(mode="RGB", size=None, **options):
    image = Image.fromarray(PIXELS).convert(mode)
    if size:
        image = image.resize(size)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def pillow(data):
    return torch.from_numpy(np.array(Image.open(io.BytesIO(data)).convert("RGB"))).permute(2, 0, 1)


def test_all_kinds_are_decoded_and_odd_ones_counted():
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    files = [jpeg(), jpeg("L"), jpeg("CMYK"), jpeg(progressive=True), jpeg(exif=exif)]
    assert [is_plain(data) for data in files] == [True, True, False, True, False]
    counts: Counter[str] = Counter()
    got = decode_jpegs(files, canvas=32, counts=counts)
    assert got.shape == (5, 3, 32, 32) and got.dtype == torch.uint8
    assert counts["pillow"] == 2
    for index in range(4):
        difference = (got[index].int() - pillow(files[index]).int()).abs()
        assert difference.max() <= 3
    assert (got[4].int() - pillow(files[4]).flip(1, 2).int()).abs().max() <= 3


def test_another_size_is_resized():
    got = decode_jpegs([jpeg(size=(64, 48))], canvas=32)
    assert got.shape == (1, 3, 32, 32)
    assert (got[0].int() - pillow(jpeg()).int()).abs().float().mean() < 6


@pytest.mark.parametrize("data", [b"no jpeg", b"", b"\xff\xd8\xff", jpeg()[:200]])
def test_damage_is_one_sentence(data):
    with pytest.raises(VidclError, match="cannot be decoded"):
        decode_jpegs([data], canvas=32)
