"""Whether this machine can compile networks at all, asked before a run begins."""

import torch

from vidcl.errors import VidclError


def check_compiler(device: torch.device) -> None:
    """Compile one small function for ``device``: seconds the first time, from a cache later.

    ``torch.compile`` needs a C++ compiler on the CPU, and Triton and a C compiler on a GPU; it
    looks for them when a network is first called.

    Raises:
        VidclError: it does not work here.
    """
    try:
        torch.compile(torch.sin)(torch.zeros(8, device=device))
    except Exception as error:  # of the compiler's many layers, each has errors of its own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise VidclError(
            f"training.compile does not work on {device} here ({reason.rstrip('.')}): install a "
            "C++ compiler (g++, or name one in CXX), on a GPU Triton too, or leave "
            "training.compile false."
        ) from error
