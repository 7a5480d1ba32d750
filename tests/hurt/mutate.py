"""Damage a file as disks, networks and people do: seeded, so that a finding can be had again."""

from collections.abc import Callable, Sequence

import numpy as np

#: (bytes of the file, bytes of another one, generator) -> damaged bytes.
Mutation = Callable[[bytes, bytes, np.random.Generator], bytes]


def flip_bits(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    """1 to 200 bits anywhere."""
    array = np.frombuffer(data, np.uint8).copy()
    count = int(np.exp(generator.uniform(0, np.log(200))))
    places = generator.integers(0, len(array), count)
    np.bitwise_xor.at(array, places, (1 << generator.integers(0, 8, count)).astype(np.uint8))
    return array.tobytes()


def cut_tail(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    """Only the first part, down to nothing."""
    return data[: int(generator.integers(0, len(data)))]


def cut_head(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    """Without its first bytes: no header."""
    return data[int(generator.integers(1, min(len(data), 4096))) :]


def swap_blocks(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    """Two blocks of one size change places."""
    size = _block(data, generator)
    first, second = sorted(int(p) for p in generator.integers(0, len(data) - size, 2))
    if second - first < size:
        return data[second:] + data[:second]
    return b"".join(
        [
            data[:first],
            data[second : second + size],
            data[first + size : second],
            data[first : first + size],
            data[second + size :],
        ]
    )


def edit_header(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    """1 to 16 bytes of the first or the last 1,024 become 0, 1, 127, 128, 255 or anything: an MP4
    may have its tables at either end."""
    array = np.frombuffer(data, np.uint8).copy()
    reach = min(1024, len(array))
    base = 0 if generator.random() < 0.5 else len(array) - reach
    count = int(generator.integers(1, 17))
    extremes = np.array([0, 1, 127, 128, 255, generator.integers(0, 256)], np.uint8)
    array[base + generator.integers(0, reach, count)] = generator.choice(extremes, count)
    return array.tobytes()


def inflate_field(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    """Four bytes in a row of the header become a huge or a negative number."""
    place = int(generator.integers(0, min(2048, len(data) - 4)))
    value = generator.choice([0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0x00100000, 0])
    return data[:place] + int(value).to_bytes(4, "big") + data[place + 4 :]


def zero_range(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    """A block that was never written."""
    size = _block(data, generator)
    place = int(generator.integers(0, len(data) - size))
    return data[:place] + bytes(size) + data[place + size :]


def repeat_block(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    """A block that is there twice to twenty times."""
    size = _block(data, generator)
    place = int(generator.integers(0, len(data) - size))
    times = int(generator.integers(2, 21))
    return data[:place] + data[place : place + size] * times + data[place + size :]


def drop_block(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    """A block that is missing, so that all after it moves."""
    size = _block(data, generator)
    place = int(generator.integers(0, len(data) - size))
    return data[:place] + data[place + size :]


def splice(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    """The beginning of one file and the end of another."""
    first = int(generator.integers(1, len(data)))
    return data[:first] + other[int(generator.integers(0, len(other))) :]


def noise_block(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    """A block of random bytes."""
    size = _block(data, generator)
    place = int(generator.integers(0, len(data) - size))
    return data[:place] + generator.bytes(size) + data[place + size :]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits, cut_tail, swap_blocks, edit_header, inflate_field, zero_range, repeat_block,
    drop_block, splice, noise_block, cut_head,
)  # fmt: skip


def mutants(
    files: Sequence[tuple[str, bytes]], count: int, seed: int
) -> list[tuple[str, bytes, str]]:
    """``count`` damaged files, each file and each mutation in turn: (name, bytes, what was done).

    Args:
        files: name, of which the suffix is kept, and content, of at least 64 bytes.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(files))
    made = []
    for number in range(count):
        name, data = files[int(order[number % len(files)])]
        other = files[int(generator.integers(len(files)))][1]
        # the step keeps a file from meeting the same mutation at every round
        mutation = MUTATIONS[(number + number // len(files)) % len(MUTATIONS)]
        stem, _, suffix = name.rpartition(".")
        damaged = mutation(data, other, generator)
        made.append((f"{number:03d}-{stem}.{suffix}", damaged, mutation.__name__))
    return made


def _block(data: bytes, generator: np.random.Generator) -> int:
    """16 bytes to a quarter of the file, small ones more often."""
    return int(np.exp(generator.uniform(np.log(16), np.log(len(data) / 4))))
