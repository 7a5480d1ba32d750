"""RandBit (Chen, Luo, Li 2021, section 3.3): an image's random number as further channels.

Each bit of the number is a channel of its own, constant over the picture and the same in every view
of the image, so that a few bits tell images apart with no look at what they show.
"""

import hashlib

import torch
from torch import Tensor

from vidcl.errors import VidclError

#: Most bits of a code.
MOST_BITS = 62


def image_codes(images: Tensor, salt: int = 0) -> Tensor:
    """A number for each image that is a function of its pixels, as in the authors' code.

    Images that are equal have one code; any others agree by chance alone.

    Args:
        images: uint8 [N, ...].
        salt: another number gives other codes.

    Returns:
        int64 [N], even over 0..2^62 - 1. Take the lowest bits.

    Raises:
        VidclError: the images are not uint8.
    """
    if images.dtype != torch.uint8:
        raise VidclError(f"Codes are hashes of images as uint8, not {images.dtype}.")
    key = salt.to_bytes(8, "little", signed=True)
    digests = [
        hashlib.blake2b(image.tobytes(), digest_size=8, key=key).digest()
        for image in images.contiguous().cpu().numpy()
    ]
    return torch.tensor([int.from_bytes(each, "little") % 2**MOST_BITS for each in digests])


def draw_codes(n: int, generator: torch.Generator) -> Tensor:
    """Codes that no image has: int64 [N], even over 0..2^62 - 1."""
    return torch.randint(2**MOST_BITS, (n,), generator=generator)


def bits_of(codes: Tensor, k: int) -> Tensor:
    """The k lowest bits of codes int64 [N], lowest first: int64 [N, k] of 0 and 1.

    Raises:
        VidclError: k is below 0 or above ``MOST_BITS``.
    """
    if not 0 <= k <= MOST_BITS:
        raise VidclError(f"A code has 0 to {MOST_BITS} bits, not {k}.")
    return codes[:, None] >> torch.arange(k, device=codes.device) & 1


def append_bits(images: Tensor, codes: Tensor | None, k: int) -> Tensor:
    """Images with k channels behind their own, each constant: 0 or 1.

    Args:
        images: float [N, C, H, W].
        codes: int64 [N], on the images' device; None: every channel is 0.5, which tells nothing.
        k: number of bits, 0 to ``MOST_BITS``.

    Returns:
        [N, C + k, H, W], of the images' type.

    Raises:
        VidclError: k is out of range, or there is not one code per image.
    """
    if codes is None:
        codes, blank = torch.zeros(len(images), dtype=torch.int64, device=images.device), True
    else:
        blank = False
    if codes.shape != images.shape[:1]:
        raise VidclError(f"Give one code for each of {len(images)} images, not {len(codes)}.")
    bits = bits_of(codes, k).to(images.dtype)
    if blank:
        bits = torch.full_like(bits, 0.5)
    height, width = images.shape[2:]
    return torch.cat([images, bits[:, :, None, None].expand(-1, -1, height, width)], 1)
