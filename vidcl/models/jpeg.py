"""Decode JPEG files to one batch of images."""

import io
import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F
import torchvision
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.io import ImageReadMode

from vidcl.errors import VidclError

#: Markers without a length field.
_BARE = {0x01, *range(0xD0, 0xDA)}
_START_OF_SCAN = 0xDA
_BASELINE, _PROGRESSIVE = 0xC0, 0xC2
_EXIF = 0xE1
#: Fewer files per thread are not worth another thread.
_FILES_PER_THREAD = 8


def decode_jpegs(
    files: list[bytes],
    device: torch.device | str = "cpu",
    *,
    canvas: int,
    counts: Counter[str] | None = None,
) -> Tensor:
    """uint8 RGB [N, 3, canvas, canvas] on ``device``.

    Plain files (grey or three-component, no EXIF) are decoded by torchvision, on a CUDA device by
    its JPEG hardware, on the CPU in as many threads as torch computes with. Anything else goes
    through Pillow on the CPU, orientation applied, and is counted in ``counts["pillow"]``. A
    picture of another size is resized, antialiased.

    Raises:
        VidclError: a file cannot be decoded.
    """
    device = torch.device(device)
    plain = [index for index, data in enumerate(files) if is_plain(data)]
    odd = sorted(set(range(len(files))) - set(plain))
    if counts is not None:
        counts["pillow"] += len(odd)
    images: list[Tensor] = [torch.empty(0)] * len(files)
    try:
        if plain:
            # a writable copy: torch warns about bytes, which are not
            data = [torch.frombuffer(bytearray(files[i]), dtype=torch.uint8) for i in plain]
            decoded = _decode(data, device)
            for index, image in zip(plain, decoded, strict=True):
                images[index] = _fit(image, canvas)
        for index in odd:
            images[index] = _fit(_pillow(files[index]).to(device), canvas)
    except (RuntimeError, OSError, SyntaxError, ValueError) as error:
        raise VidclError(
            f"A crop of the store cannot be decoded ({error}): extract the store again."
        ) from error
    return torch.stack(images)


def is_plain(data: bytes) -> bool:
    """Whether a JPEG has one or three components, 8 bits each, and no EXIF part."""
    at = 2
    if data[:2] != b"\xff\xd8":
        return False
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _BARE:
            at += 2
            continue
        if marker in (_EXIF, _START_OF_SCAN):
            return False
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return (
                marker in (_BASELINE, _PROGRESSIVE) and data[at + 4] == 8 and data[at + 9] in (1, 3)
            )
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _decode(files: list[Tensor], device: torch.device) -> list[Tensor]:
    """uint8 RGB [3, h, w] each, on the device."""

    def decode(part: list[Tensor]) -> list[Tensor]:
        return torchvision.io.decode_jpeg(part, mode=ImageReadMode.RGB, device=str(device))

    threads = min(torch.get_num_threads(), len(files) // _FILES_PER_THREAD)
    if device.type != "cpu" or threads < 2:
        return decode(files)
    cuts = [len(files) * number // threads for number in range(threads + 1)]
    parts = [files[start:stop] for start, stop in itertools.pairwise(cuts)]
    with ThreadPoolExecutor(threads) as pool:  # torchvision lets go of Python while it decodes
        return [image for part in pool.map(decode, parts) for image in part]


def _pillow(data: bytes) -> Tensor:
    with Image.open(io.BytesIO(data)) as image:
        rgb = ImageOps.exif_transpose(image).convert("RGB")
    pixels = torch.frombuffer(bytearray(rgb.tobytes()), dtype=torch.uint8)
    return pixels.view(rgb.height, rgb.width, 3).permute(2, 0, 1)


def _fit(image: Tensor, canvas: int) -> Tensor:
    if image.shape[-2:] == (canvas, canvas):
        return image
    resized = F.interpolate(
        image[None].float(), (canvas, canvas), mode="bilinear", antialias=True, align_corners=False
    )
    return resized[0].round().clamp(0, 255).to(torch.uint8)
