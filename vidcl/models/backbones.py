"""Backbones by name: torchvision's, timm's, and two small ones.

Names: ``resnet_tiny`` (the demo), ``conv_tiny``; a name of ``torchvision.models`` (``resnet50``);
``timm:`` and a name of timm (``timm:vit_small_patch16_224``). All start from random weights and
nothing is ever downloaded: trained weights come from a file
(``vidcl.models.checkpoint.load_encoder``).
"""

import difflib
import importlib.util
from types import ModuleType
from typing import Literal

import torch
from torch import nn

from vidcl.errors import VidclError, require
from vidcl.models.conv_tiny import WIDTH as CONV_TINY_WIDTH
from vidcl.models.conv_tiny import ConvTiny
from vidcl.models.resnet_tiny import ResNetTiny
from vidcl.models.spaces import Branches

Stem = Literal["imagenet", "small"]

TIMM = "timm:"
#: torchvision's ResNets: last layer ``fc``, and the names that MoCo's and timm's ResNets have too.
RESNETS = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
)
#: Those of two 3x3 convolutions per block; the others' blocks are bottlenecks.
BASIC_RESNETS = ("resnet18", "resnet34")
#: Ours.
SMALL = ("resnet_tiny", "conv_tiny")
#: Classifiers of torchvision that are no backbones: with auxiliary outputs in training, or without
#: a linear layer whose input would be the feature.
UNFIT = ("googlenet", "inception_v3", "squeezenet1_0", "squeezenet1_1")
_NO_STEM = (
    "{} has no stem that 'small' could replace: leave the stem at 'imagenet', or choose a ResNet."
)
#: What networks raise that cannot work at an image size.
SIZE_ERRORS = (AssertionError, RuntimeError, ValueError)


def torchvision_names() -> list[str]:
    """The networks of ``torchvision.models`` that can be backbones."""
    import torchvision

    names = torchvision.models.list_models(module=torchvision.models)
    return [name for name in names if name not in UNFIT]


def build_backbone(
    name: str, *, stem: Stem = "imagenet", size: int = 224, branches: int = 1, channels: int = 3
) -> tuple[nn.Module, int]:
    """A randomly initialised network that maps [N, channels, size, size] to features [N, D], and D.

    Args:
        name: see the head of this file. The classifier is taken off; the feature is its input.
        stem: ``small`` replaces a ResNet's 7x7 stride-2 convolution and pooling by a 3x3 stride-1
            convolution, for images of about 32 to 64 pixels. ``resnet_tiny`` has its own.
        channels: of the images; other than 3 for the small networks and torchvision's ResNets.
        branches: so many last stages side by side, of a ResNet; D is then so many times as wide.
        size: side of the images in pixels. Transformers have position tables of this size; networks
            of convolutions work at others too.

    Raises:
        VidclError: an unknown name (the nearest ones are named), timm is not installed, a stem for
            a network that has none to replace, or a size the network cannot work at.
    """
    if branches > 1:
        return _branched(name, stem, size, branches, channels)
    if name == "resnet_tiny":
        return ResNetTiny(channels), 128
    if name == "conv_tiny":
        if stem == "small":
            raise VidclError(_NO_STEM.format(name))
        return ConvTiny(size, channels), CONV_TINY_WIDTH
    width = None
    if name.startswith(TIMM):
        network = _timm(name, size)
    else:
        network, width = _torchvision(name, size)
    if stem == "small":
        _small_stem(network, name)
    if channels != 3:
        _other_channels(network, name, channels)
    if name in RESNETS and width is not None:  # they work at any size: nothing to try
        return network, width
    return network, feature_width(network, name, size)


def feature_width(network: nn.Module, name: str, size: int) -> int:
    """D of the features [N, D] that a network gives: asked of the network itself, with one image.

    Raises:
        VidclError: it cannot take images of this size, or gives something else than [N, D].
    """
    place = next(network.parameters()).device
    flags = [(part, part.training) for part in network.modules()]
    network.eval()  # BatchNorm and dropout are left as they were
    try:
        with torch.no_grad():
            features = network(torch.zeros(1, 3, size, size, device=place))
    except SIZE_ERRORS as error:
        raise VidclError(_unfit_size(name, size, error)) from error
    finally:
        for part, flag in flags:
            part.training = flag
    if not isinstance(features, torch.Tensor) or features.dim() != 2:
        raise VidclError(f"{name} gives no feature vector per image: choose another backbone.")
    return features.shape[1]


def known_name(name: object) -> str | None:
    """The backbone that a foreign file means by a name, where there is one: ours, else timm's."""
    if not isinstance(name, str):
        return None
    if name in SMALL or name in torchvision_names():
        return name
    if importlib.util.find_spec("timm") and require_timm().is_model(name):
        return TIMM + name
    return None


def require_timm() -> ModuleType:
    """timm, or a sentence that says how to install it."""
    return require("timm", "vidcl[timm]")


def _torchvision(name: str, size: int) -> tuple[nn.Module, int]:
    import torchvision

    if name not in torchvision_names():
        raise VidclError(_unknown(name))
    sized: dict[str, object] = {}
    if name.startswith("vit_"):
        sized["image_size"] = size
    if name.startswith("maxvit"):
        sized["input_size"] = (size, size)
    try:
        network = torchvision.models.get_model(name, weights=None, **sized)
    except SIZE_ERRORS as error:
        raise VidclError(_unfit_size(name, size, error)) from error
    return network, _take_classifier_off(network)


def _timm(name: str, size: int) -> nn.Module:
    timm = require_timm()
    bare = name.removeprefix(TIMM)
    if not timm.is_model(bare):
        raise VidclError(_unknown(name))
    options = {"pretrained": False, "num_classes": 0}
    try:
        return timm.create_model(bare, img_size=size, **options)
    except SIZE_ERRORS as error:
        raise VidclError(_unfit_size(name, size, error)) from error
    except TypeError as error:
        # networks of convolutions have no such argument; timm cannot be asked which have
        if "img_size" not in str(error):
            raise
    return timm.create_model(bare, **options)


def _take_classifier_off(network: nn.Module) -> int:
    """Replace the last linear layer, and the dropout before it; the number of its inputs."""
    where, linear = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Linear)][-1]
    path, _, last = where.rpartition(".")
    parent = network.get_submodule(path)
    setattr(parent, last, nn.Identity())
    if isinstance(parent, nn.Sequential) and len(parent) > 1:
        before = len(parent) - 2
        if isinstance(parent[before], nn.Dropout):
            parent[before] = nn.Identity()
    return linear.in_features


def _branched(
    name: str, stem: Stem, size: int, branches: int, channels: int
) -> tuple[nn.Module, int]:
    """Each branch is initialised as the network's own last stage is."""
    if name != "resnet_tiny" and name not in RESNETS:
        raise VidclError(
            f"{name} has no last stage that could be doubled: choose resnet_tiny or a ResNet of "
            "torchvision."
        )
    last = "layer3" if name == "resnet_tiny" else "layer4"
    built = [build_backbone(name, stem=stem, size=size, channels=channels) for _ in range(branches)]
    network, width = built[0]
    setattr(network, last, Branches([getattr(each, last) for each, _ in built]))
    return network, branches * width


def _small_stem(network: nn.Module, name: str) -> None:
    conv = getattr(network, "conv1", None)
    if not isinstance(conv, nn.Conv2d) or not hasattr(network, "maxpool"):
        raise VidclError(_NO_STEM.format(name))
    network.conv1 = nn.Conv2d(3, conv.out_channels, 3, 1, 1, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    network.maxpool = nn.Identity()


def _other_channels(network: nn.Module, name: str, channels: int) -> None:
    """A first convolution for images of so many channels."""
    if name not in RESNETS or not isinstance(network.conv1, nn.Conv2d):
        raise VidclError(
            f"{name} takes images of three channels alone: for {channels} choose resnet_tiny, "
            "conv_tiny or a ResNet of torchvision."
        )
    old = network.conv1
    network.conv1 = nn.Conv2d(
        channels,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]
        old.stride,  # type: ignore[arg-type]
        old.padding,  # type: ignore[arg-type]
        bias=False,
    )
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")


def _unfit_size(name: str, size: int, error: Exception) -> str:
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".!")[:120]
    return f"{name} cannot work on images of {size} px ({reason}): change the size or the backbone."


def _unknown(name: str) -> str:
    known = [*SMALL, *torchvision_names()]
    if importlib.util.find_spec("timm"):
        known += [TIMM + bare for bare in require_timm().list_models()]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if TIMM + name in known:
        near = [TIMM + name]
    listed = f"; the nearest are {', '.join(near)}" if near else ""
    return (
        f"There is no backbone '{name}'{listed}: give resnet_tiny, a classification network of "
        f"torchvision.models such as resnet50, or {TIMM}NAME."
    )
