"""Keep freed memory for the next step instead of handing it back to the system."""

import ctypes
import platform

#: Parameters of glibc's mallopt.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_MIB = 2**20


def keep_freed_memory() -> None:
    """Tell glibc's allocator, in this process, to reuse blocks of up to 512 MiB.

    A training step on the CPU frees and allocates the same large blocks over and over. By default
    they go back to the system each time and come again as fresh pages, which must be zeroed: that
    took up to half of the time of making views. Does nothing where the C library is another.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_MMAP_THRESHOLD, 512 * _MIB)
    libc.mallopt(_TRIM_THRESHOLD, 1024 * _MIB)
    libc.mallopt(_TOP_PAD, 16 * _MIB)
