"""What a packet holds that matters to the plan of a decode."""

from typing import Protocol

#: Decoding may begin here: no picture that is shown later refers to one before.
CLEAN = 1
#: No other picture refers to this one.
NONREF = 2
#: The packet shows no picture.
HIDDEN = 4
#: Shown before the clean picture that it follows in the file, and may refer beyond it.
LEADING = 8
#: A clean picture before which nothing that follows it is shown, unless marked as leading.
CLOSED = 16


class Irregular(Exception):
    """The stream is not what a plan may rely on; everything is to be decoded from here on."""


class Look(Protocol):
    """Reads the beginning of a coded picture.

    ``references`` says whether pictures that nobody refers to can be told.
    """

    references: bool

    def __call__(self, data: bytes, keyframe: bool) -> int:
        """Flags of one packet, in order of the file.

        Raises:
            Irregular: the packet contradicts what was read before.
        """
        ...
