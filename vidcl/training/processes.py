"""One process or several: what torchrun started, and which device this one computes on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed as dist

from vidcl.errors import VidclError

#: Steps between two looks at whether one of several processes was interrupted.
AGREE_EVERY = 10


@dataclass(frozen=True)
class Process:
    """This process among ``world``; ``rank`` 0 writes the files."""

    rank: int
    world: int
    device: torch.device

    @property
    def main(self) -> bool:
        return self.rank == 0

    def wait(self) -> None:
        """Until every process is here."""
        if self.world > 1:
            dist.barrier()

    def mean(self, value: float) -> float:
        """Of a number that each process has; the same answer in all of them."""
        if self.world == 1:
            return value
        total = torch.tensor(value, device=self.device, dtype=torch.float32)
        dist.all_reduce(total)
        return float(total) / self.world

    def agree(self, asked: bool, step: int) -> bool:
        """Whether any process was asked to stop; the same answer in all of them.

        Asking costs a wait, so several processes do it every ``AGREE_EVERY`` steps only.
        """
        if self.world == 1:
            return asked
        if step % AGREE_EVERY:
            return False
        flag = torch.tensor(float(asked), device=self.device)
        dist.all_reduce(flag)
        return bool(flag.item())


@contextmanager
def join_processes(device: str) -> Iterator[Process]:
    """The process group that torchrun's environment describes, left again at the end.

    Args:
        device: ``auto`` (a GPU when there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        VidclError: the device is not there.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    where = choose_device(device, local)
    if where.type == "cuda":
        torch.cuda.set_device(where)
    started = world > 1 and not dist.is_initialized()
    if started:
        dist.init_process_group("nccl" if where.type == "cuda" else "gloo")
    try:
        yield Process(dist.get_rank() if world > 1 else 0, world, where)
    finally:
        if started:
            dist.destroy_process_group()


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """``auto``, ``cpu``, ``cuda`` or ``cuda:N`` as a device that exists."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise VidclError(f"There is no device '{name}': use auto, cpu, cuda or cuda:N.") from error
    if device.type == "cuda":
        index = device.index if device.index is not None else local_rank
        if index >= torch.cuda.device_count():
            raise VidclError(
                f"There is no device cuda:{index} ({torch.cuda.device_count()} found): use "
                "--training.device cpu, or fewer processes."
            )
        return torch.device("cuda", index)
    return device


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """The type to compute in, or None for float32; ``auto`` takes bfloat16 where it is fast.

    Raises:
        VidclError: float16 on a CPU, which has no use for it.
    """
    if precision == "float32":
        return None
    if precision == "float16":
        if device.type == "cpu":
            raise VidclError("float16 needs a GPU: use --training.precision bfloat16 or float32.")
        return torch.float16
    if precision == "auto":
        if device.type == "cuda":
            fast = torch.cuda.is_bf16_supported()
        else:  # emulated elsewhere, and slower than float32
            fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return torch.bfloat16 if fast else None
    return torch.bfloat16
