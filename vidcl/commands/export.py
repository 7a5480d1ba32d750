"""``vidcl export``: a trained encoder in the format of another program."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from vidcl.commands.options import parse

if TYPE_CHECKING:
    from vidcl.models.encoder import Encoder

#: How to read each format outside vidcl.
READING = {
    "torchvision": (
        "model = torchvision.models.get_model({name!r}{sized}); {headless}"
        "model.load_state_dict(torch.load({out!r}){loose})"
    ),
    "timm": (
        "model = timm.create_model({name!r}, num_classes=0{sized}); "
        "model.load_state_dict(torch.load({out!r}))"
    ),
    "moco": "python main_lincls.py -a {name} --pretrained {out} ...   (facebookresearch/moco)",
    "safetensors": "vidcl embed {out} IMAGES --out features.parquet",
    "onnx": "session = onnxruntime.InferenceSession({out!r}); session.run(None, {{'images': x}})",
}


@dataclass(frozen=True)
class Options:
    """Write a trained encoder for other programs, and check it by reading it back.

    The query encoder's backbone is written; the moco format has its projection head too. Input is
    a run, a checkpoint of vidcl or of the official MoCo, or a state dict of torchvision or timm
    (.pth, .pt, .safetensors), so one format can be turned into another. docs/checkpoints.md tells
    how each file is read outside vidcl.

    Examples:
      vidcl export runs/region_track --format safetensors --out encoder.safetensors
      vidcl export runs/moco --format timm --out encoder.pth
      vidcl export runs/moco --format onnx --head --out encoder.onnx
      vidcl export moco_v2_800ep_pretrain.pth.tar --format torchvision --out resnet50.pth
      vidcl export deit.pth --arch timm:deit_small_patch16_224 --format onnx --out deit.onnx
    """

    source: tyro.conf.Positional[Path]
    """A run folder, or a file of weights."""
    format: Literal["torchvision", "timm", "moco", "safetensors", "onnx"]
    """torchvision, timm: a state dict with that library's names. moco: the official checkpoint.
    safetensors: with the network's name and preprocessing inside. onnx: any batch size."""
    out: Path
    """The file to write."""
    head: bool = False
    """onnx: add the projection head's output."""
    overwrite: bool = False
    """Replace a file that is there."""
    arch: str | None = None
    """Of a state dict that does not speak for itself: resnet50, timm:vit_small_patch16_224, ..."""
    size: int | None = None
    """Of a foreign file: side of the images it was trained on, in pixels; 224 where not known."""
    mean: tuple[float, float, float] | None = None
    """Of a foreign file: mean of the channels of images in 0..1; ImageNet's where not known."""
    std: tuple[float, float, float] | None = None
    """Of a foreign file: standard deviation of the channels."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="export")
    from vidcl.models.checkpoint import load_trained
    from vidcl.models.export import IMAGES, export
    from vidcl.models.layouts import grouped

    trained = load_trained(
        options.source,
        arch=options.arch,
        size=options.size,
        mean=options.mean,
        std=options.std,
    )
    encoder = trained.encoder
    architecture, preprocessing = encoder.architecture, encoder.preprocessing
    result = export(
        trained, options.out, options.format, head=options.head, overwrite=options.overwrite
    )
    small = ", small stem" if architecture.stem == "small" else ""
    print(
        f"encoder: {architecture.name}{small}, {preprocessing.size} px, {encoder.feature_dim} "
        f"features{', with its projection head' if result.head else ''}"
    )
    if trained.left_out:
        print(f"unused:  {grouped(trained.left_out)}")
    megabytes = options.out.stat().st_size / 1e6
    print(
        f"{options.format}: {options.out} ({megabytes:.1f} MB)\n"
        f"checked: read back, outputs differ by at most {result.difference:.2g} "
        f"(largest {result.scale:.3g}) on {IMAGES} fixed random images\n"
        f"images:  RGB in 0..1, {preprocessing.size} px, less {_three(preprocessing.mean)}, over "
        f"{_three(preprocessing.std)}\n"
        f"next:    {_reading(options, encoder)}"
    )
    return 0


def _three(values: tuple[float, float, float]) -> str:
    return " ".join(f"{value:g}" for value in values)


def _reading(options: Options, encoder: "Encoder") -> str:
    """One line that reads the file outside vidcl."""
    from vidcl.models.backbones import RESNETS

    name = encoder.architecture.name.removeprefix("timm:")
    sized = ""
    if options.format == "torchvision" and name.startswith("vit_"):
        sized = f", image_size={encoder.preprocessing.size}"
    if options.format == "timm" and _has_fixed_size(name):
        sized = f", img_size={encoder.preprocessing.size}"
    resnet = name in RESNETS
    line = READING[options.format].format(
        out=str(options.out),
        name=name,
        sized=sized,
        headless="model.fc = torch.nn.Identity(); " if resnet else "",
        loose="" if resnet else ", strict=False",
    )
    if options.format == "torchvision" and not resnet:
        line += "\n         (its classifier stays untrained)"
    if encoder.architecture.stem == "small" and options.format in ("torchvision", "timm", "moco"):
        line += "\n         (first the small stem: docs/checkpoints.md)"
    return line


def _has_fixed_size(name: str) -> bool:
    from vidcl.models.backbones import require_timm

    known = require_timm().models.get_pretrained_cfg(name)
    return known is not None and bool(known.fixed_input_size)
