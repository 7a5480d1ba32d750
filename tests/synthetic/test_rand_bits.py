"""Random bits behind an image's channels."""

import hashlib

import pytest
import torch

from vidcl.errors import VidclError
from vidcl.synthetic.rand_bits import MOST_BITS, append_bits, bits_of, draw_codes, image_codes


def pictures(n=2000, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (n, 1, 4, 4), dtype=torch.uint8, generator=generator)


def test_a_code_is_a_function_of_the_image():
    images = pictures()
    codes = image_codes(images)
    assert codes.dtype == torch.int64 and codes.shape == (2000,)
    order = torch.randperm(2000, generator=torch.Generator().manual_seed(1))
    assert torch.equal(image_codes(images[order]), codes[order])
    assert len(set(codes.tolist())) == 2000
    other = images.clone()
    other[:, 0, 0, 0] ^= 1  # one level of one pixel
    assert not (image_codes(other) == codes).any()
    assert not (image_codes(images, salt=1) == codes).any()
    digest = hashlib.blake2b(images[3].numpy().tobytes(), digest_size=8, key=bytes(8)).digest()
    assert int(codes[3]) == int.from_bytes(digest, "little") % 2**MOST_BITS


@pytest.mark.parametrize("codes", [image_codes(pictures()), draw_codes(2000, torch.Generator())])
def test_bits_are_even_and_independent(codes):
    bits = bits_of(codes, MOST_BITS).double()
    assert codes.min() >= 0
    assert (bits.mean(0) - 0.5).abs().max() < 5 * 0.5 / 2000**0.5
    together = torch.corrcoef(bits.T) - torch.eye(MOST_BITS)
    assert together.abs().max() < 5 / 2000**0.5


def test_bits_by_hand():
    assert bits_of(torch.tensor([6, 1]), 4).tolist() == [[0, 1, 1, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize("k", [0, 1, 20])
def test_channels_by_hand(k):
    images = torch.rand(3, 2, 4, 5)
    codes = torch.tensor([0, 5, 2**40 + 3])
    out = append_bits(images, codes, k)
    assert out.shape == (3, 2 + k, 4, 5) and out.dtype == images.dtype
    assert torch.equal(out[:, :2], images)
    for i, code in enumerate(codes.tolist()):
        for bit in range(k):
            assert (out[i, 2 + bit] == (code // 2**bit) % 2).all()


def test_blank_bits_tell_nothing():
    out = append_bits(torch.zeros(3, 1, 2, 2), None, 4)
    assert (out[:, 1:] == 0.5).all() and out.shape == (3, 5, 2, 2)


def test_wrong_bits_are_a_sentence():
    images = torch.zeros(3, 1, 2, 2)
    with pytest.raises(VidclError, match="0 to 62 bits, not 63"):
        append_bits(images, torch.zeros(3, dtype=torch.int64), 63)
    with pytest.raises(VidclError, match="one code for each of 3 images, not 2"):
        append_bits(images, torch.zeros(2, dtype=torch.int64), 1)
    with pytest.raises(VidclError, match="as uint8"):
        image_codes(images)
