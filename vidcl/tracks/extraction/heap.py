"""Give memory that is no longer used back to the system."""

import ctypes
import gc

#: ``M_MMAP_THRESHOLD`` of the GNU C library.
_MMAP_THRESHOLD = -3
#: Bytes from which an array gets pages of its own: frames do, crops do not.
_OWN_PAGES = 256 * 2**10


def map_large_blocks() -> None:
    """Let frames have pages of their own, which go back to the system when a frame is freed.

    By itself the GNU C library learns to take frames from the heap, between crops that live on, and
    a worker then holds several times what it uses. Other libraries are left as they are.
    """
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        option(ctypes.c_int(_MMAP_THRESHOLD), ctypes.c_int(_OWN_PAGES))


def give_back() -> None:
    """Collect cycles (PyAV's hold a decoder's buffers), then return freed pages to the system.

    The C library keeps what is freed between crops that still live, so a worker would grow by some
    ten MiB with every segment of its shard. A library without ``malloc_trim`` keeps it.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
