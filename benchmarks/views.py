"""How fast the views of MoCo v2 are made, against torchvision per image and kornia per batch.

    OMP_NUM_THREADS=2 python benchmarks/views.py
    python benchmarks/views.py --device cuda

Crop, flip, colour jitter, greyscale, blur of 13 taps, normalisation; from uint8 images on a square
canvas to float32 views. Prints Markdown. torchvision goes image by image through one Compose of
transforms v2, on uint8 tensors and on Pillow images; kornia (``pip install kornia``; without it its
row is left out) takes the batch. Contestants take turns and each keeps its best time, so that what
else the machine does weighs on all alike; ``--cpu-time`` counts the time of the processor instead
of the clock's. On a GPU the views are also compared with a step of ResNet-50.
"""

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision.models import resnet50
from torchvision.transforms import v2

from vidcl.training.memory import keep_freed_memory
from vidcl.views.recipe import ViewConfig, recipe
from vidcl.views.views import Views

#: Canvas and view in pixels.
SIZES = ((256, 224), (160, 64))

Contestants = dict[str, Callable[[], object]]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu-time", action="store_true", help="processor time, not the clock's")
    parser.add_argument("--smoke", action="store_true", help="one round of a few small images")
    options = parser.parse_args(arguments)
    sizes = SIZES
    if options.smoke:
        options.batch, options.rounds, sizes = 4, 1, ((40, 32),)
    device = torch.device(options.device)
    if device.type == "cpu":
        keep_freed_memory()
    clock = time.process_time if options.cpu_time else time.perf_counter
    for canvas, size in sizes:
        generator = torch.Generator().manual_seed(0)
        images = pictures(options.batch, canvas, generator).to(device)
        contestants = ours(images, recipe("moco_v2", size), generator)
        first = len(contestants)
        contestants |= kornias(images, recipe("moco_v2", size))
        if device.type == "cpu":
            contestants |= torchvisions(images, recipe("moco_v2", size))
        best = race(contestants, options.rounds, clock, device)
        print(f"\n{size} px views from a {canvas} px canvas, batch {options.batch}, {device}\n")
        table(best, list(best)[:first], options.batch)
        if device.type == "cuda" and size == 224:
            step = network_step(options.batch, size, device, options.rounds)
            share = 2 * best["vidcl, bfloat16"] / step
            print(f"\nResNet-50 step, bfloat16: {1000 * step:.1f} ms; two views: {share:.1%} of it")
    return 0


def pictures(n: int, side: int, generator: torch.Generator) -> Tensor:
    """uint8 [n, 3, side, side], smooth with some noise."""
    small = torch.rand(n, 3, side // 8, side // 8, generator=generator)
    smooth = nn.functional.interpolate(small, (side, side), mode="bilinear")
    noise = torch.rand(smooth.shape, generator=generator)
    return (255 * (0.9 * smooth + 0.1 * noise)).byte()


def ours(images: Tensor, config: ViewConfig, generator: torch.Generator) -> Contestants:
    """Drawing included. On a CPU bfloat16 is not another way."""
    views = Views(config)

    def make(dtype: torch.dtype) -> Tensor:
        params = views.sample(len(images), generator).to(images.device)
        return views.apply(images, params, dtype)

    ways = {"vidcl, float32": lambda: make(torch.float32)}
    if images.device.type != "cpu":
        ways["vidcl, bfloat16"] = lambda: make(torch.bfloat16)
    return ways


def torchvisions(images: Tensor, config: ViewConfig) -> Contestants:
    side = 2 * round(3 * config.blur_sigma[1]) + 1
    jitter = v2.ColorJitter(config.brightness, config.contrast, config.saturation, config.hue)
    chain = [
        v2.RandomResizedCrop(config.size, config.crop_scale, config.crop_ratio, antialias=True),
        v2.RandomApply([jitter], config.jitter),
        v2.RandomGrayscale(config.greyscale),
        v2.RandomApply([v2.GaussianBlur(side, config.blur_sigma)], config.blur),
        v2.RandomHorizontalFlip(config.flip),
    ]
    finish = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(config.mean, config.std)]
    of_tensors = v2.Compose([*chain, *finish])
    of_pillows = v2.Compose([*chain, v2.ToImage(), *finish])
    pillows = [v2.functional.to_pil_image(image) for image in images]
    return {
        "torchvision v2, tensors": lambda: torch.stack([of_tensors(image) for image in images]),
        "torchvision v2, Pillow": lambda: torch.stack([of_pillows(image) for image in pillows]),
    }


def kornias(images: Tensor, config: ViewConfig) -> Contestants:
    if importlib.util.find_spec("kornia") is None:
        return {}
    import kornia.augmentation as K

    side = 2 * round(3 * config.blur_sigma[1]) + 1
    factors = (config.brightness, config.contrast, config.saturation, config.hue)
    chain = nn.Sequential(
        K.RandomResizedCrop((config.size, config.size), config.crop_scale, config.crop_ratio),
        K.RandomHorizontalFlip(p=config.flip),
        K.ColorJitter(*factors, p=config.jitter),
        K.RandomGrayscale(p=config.greyscale),
        K.RandomGaussianBlur((side, side), config.blur_sigma, p=config.blur),
        K.Normalize(torch.tensor(config.mean), torch.tensor(config.std)),
    ).to(images.device)

    def make() -> Tensor:
        with torch.no_grad():
            return chain(images.float() / 255)

    return {"kornia": make}


def race(
    contestants: Contestants, rounds: int, clock: Callable[[], float], device: torch.device
) -> dict[str, float]:
    """Best of ``rounds`` in seconds, taking turns, after one unmeasured turn each."""
    best = dict.fromkeys(contestants, float("inf"))
    for turn in range(rounds + 1):
        for name, make in contestants.items():
            synchronise(device)
            started = clock()
            make()
            synchronise(device)
            if turn:
                best[name] = min(best[name], clock() - started)
    return best


def table(best: dict[str, float], own: list[str], batch: int) -> None:
    columns = [f"{name} is faster by" for name in own]
    print("| | ms per batch | views/s | " + " | ".join(columns) + " |")
    print("|---|---|---|" + "---|" * len(own))
    for name, seconds in best.items():
        ratios = [f"{seconds / best[mine]:.1f}x" for mine in own]
        cells = [name, f"{1000 * seconds:.1f}", f"{batch / seconds:,.0f}", *ratios]
        print("| " + " | ".join(cells) + " |")


def network_step(batch: int, size: int, device: torch.device, rounds: int) -> float:
    """Forward and backward of a query encoder, forward of a key encoder, in seconds."""
    encoders = [resnet50().to(device, memory_format=torch.channels_last) for _ in range(2)]
    x = torch.rand(batch, 3, size, size, device=device).contiguous(
        memory_format=torch.channels_last
    )

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            out = encoders[0](x)
            with torch.no_grad():
                encoders[1](x)
        out.float().square().mean().backward()

    return race({"step": step}, rounds + 2, time.perf_counter, device)["step"]


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    sys.exit(main())
