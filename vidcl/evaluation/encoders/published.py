"""Published weights of torchvision and timm, with the preprocessing they were published with.

``torchvision:resnet50`` means torchvision's own choice among its weights; another one follows a
point (``torchvision:resnet50.IMAGENET1K_V1``, ``timm:resnet50.a1_in1k``). Files are looked for
where the libraries themselves put them, and nothing is ever downloaded.
"""

import hashlib
import re
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from vidcl.errors import VidclError, require
from vidcl.models.backbones import TIMM, require_timm, torchvision_names
from vidcl.models.checkpoint import load_trained
from vidcl.models.encoder import Encoder, Preprocessing
from vidcl.models.layouts import HEADS, grouped

TORCHVISION = "torchvision:"


@dataclass(frozen=True)
class Recipe:
    """How published weights want an image: resized, the centre cut out, normalised."""

    resize: int
    """The shorter side in pixels, or with ``squash`` both sides."""
    crop: int
    """Side of the centre square in pixels."""
    interpolation: str
    """``bilinear`` or ``bicubic``, of Pillow's kind (antialiased, on bytes)."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    squash: bool = False


class PublishedEncoder(Encoder):
    """An encoder that prepares images as its publisher did."""

    def __init__(self, encoder: Encoder, recipe: Recipe) -> None:
        super().__init__(
            encoder.backbone, encoder.feature_dim, encoder.preprocessing, encoder.architecture
        )
        self.recipe = recipe

    def preprocess(self, images: Tensor) -> Tensor:
        """uint8 [N, 3, h, w] -> float32 [N, 3, crop, crop].

        Bytes are resized to bytes, as by Pillow, to a level here and there: so were the accuracies
        measured that the weights were published with.
        """
        recipe = self.recipe
        mode = InterpolationMode(recipe.interpolation)
        sides = [recipe.resize] * (2 if recipe.squash else 1)
        x = tv.resize(images, sides, interpolation=mode, antialias=True)
        x = tv.center_crop(x, [recipe.crop, recipe.crop])
        x = tv.to_dtype(x, torch.float32, scale=True)
        return tv.normalize(x, list(recipe.mean), list(recipe.std))


def published_facts(encoder: PublishedEncoder) -> dict[str, Any]:
    """Its preprocessing, for JSON."""
    return {"antialias": True} | asdict(encoder.recipe)


def torchvision_encoder(spec: str) -> PublishedEncoder:
    """``torchvision:NAME[.WEIGHTS][@FILE]``.

    Raises:
        VidclError: torchvision has no such network or weights, their file is not here (it is named,
            with the folder it belongs into), is damaged, or holds another network.
    """
    from torchvision.models import get_model_weights

    word, _, file = spec.removeprefix(TORCHVISION).partition("@")
    name, _, tag = word.partition(".")
    if name not in torchvision_names():
        raise VidclError(
            f"torchvision has no classification network '{name}': give a name of "
            "torchvision.models, such as torchvision:resnet50."
        )
    known = get_model_weights(name)
    if tag and tag not in known.__members__:
        raise VidclError(
            f"torchvision has no weights '{tag}' of {name}: choose one of "
            f"{', '.join(known.__members__)}."
        )
    weights = known[tag] if tag else known.DEFAULT
    path = Path(file) if file else _in_hub(weights.url)
    if not path.is_file():
        raise VidclError(
            f"The weights of {TORCHVISION}{word} are not at {path}: download {weights.url} to "
            f"there, or give the file as {TORCHVISION}{word}@FILE."
        )
    _check_name(path)
    preset = weights.transforms()
    recipe = Recipe(
        preset.resize_size[0],
        preset.crop_size[0],
        preset.interpolation.value,
        tuple(preset.mean),
        tuple(preset.std),
    )
    return _loaded(path, name, recipe)


def timm_encoder(spec: str) -> PublishedEncoder:
    """``timm:NAME[.TAG][@FILE]``.

    Raises:
        VidclError: timm is not installed, has no such network or weights, their file is not here
            (it is named), holds another network, or wants images in a way unknown here.
    """
    timm = require_timm()
    word, _, file = spec.removeprefix(TIMM).partition("@")
    if not timm.is_model(word.partition(".")[0]):
        raise VidclError(f"timm has no network '{word}': see timm.list_models().")
    try:
        known = timm.models.get_pretrained_cfg(word, allow_unregistered=False)
    except RuntimeError as error:
        raise VidclError(
            f"timm has no weights '{word}': choose one of timm.list_pretrained()."
        ) from error
    path = Path(file) if file else _timm_file(known, word)
    if not path.is_file():
        raise VidclError(f"There are no weights of timm:{word} at {path}: give a file of them.")
    config = timm.data.resolve_data_config(pretrained_cfg=known.to_dict(), verbose=False)
    if config["crop_mode"] not in ("center", "squash"):
        raise VidclError(
            f"timm:{word} wants its images cut in the way '{config['crop_mode']}', which is not "
            "known here: embed it with timm and give the table as features:FILE."
        )
    side = config["input_size"][-1]
    recipe = Recipe(
        int(side / config["crop_pct"]),  # timm rounds down
        side,
        config["interpolation"],
        tuple(config["mean"]),
        tuple(config["std"]),
        squash=config["crop_mode"] == "squash",
    )
    return _loaded(path, TIMM + word.partition(".")[0], recipe)


def _loaded(path: Path, arch: str, recipe: Recipe) -> PublishedEncoder:
    preprocessing = Preprocessing(recipe.crop, recipe.mean, recipe.std)
    trained = load_trained(path, arch=arch, size=recipe.crop, mean=recipe.mean, std=recipe.std)
    if trained.encoder.preprocessing != preprocessing:
        raise VidclError(
            f"{path} is for images of {trained.encoder.preprocessing.size} px, not {recipe.crop} "
            "as those published: give it as a checkpoint, without the library's name."
        )
    surprising = [name for name in trained.left_out if not name.startswith(HEADS)]
    if surprising:
        warnings.warn(f"{path}: not used: {grouped(surprising)}", stacklevel=3)
    return PublishedEncoder(trained.encoder, recipe).eval()


def _in_hub(url: str) -> Path:
    """Where torch.hub keeps a downloaded file."""
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def _check_name(path: Path) -> None:
    """Files of PyTorch's hub carry the start of their SHA-256: ``resnet50-11ad3fa6.pth``."""
    promised = re.fullmatch(r".*-([0-9a-f]{8})\.pth", path.name)
    if promised is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(promised[1]):
        raise VidclError(
            f"{path} is damaged: its SHA-256 begins with {found[:8]}, not {promised[1]}; download "
            "it again."
        )


def _timm_file(known: Any, word: str) -> Path:
    """The weights in the local cache of the hub that timm has them from."""
    if known.hf_hub_id:
        hub = require("huggingface_hub", "vidcl[timm]")
        names = [known.hf_hub_filename] if known.hf_hub_filename else []
        for name in [*names, "model.safetensors", "pytorch_model.bin"]:
            found = hub.try_to_load_from_cache(known.hf_hub_id, name)
            if isinstance(found, str):
                return Path(found)
        where = f"download {(names or ['model.safetensors'])[0]} of huggingface.co/"
        where += f"{known.hf_hub_id} (huggingface-cli download {known.hf_hub_id})"
    elif known.url and _in_hub(known.url).is_file():
        return _in_hub(known.url)
    elif known.url:
        where = f"download {known.url} to {_in_hub(known.url)}"
    else:
        raise VidclError(f"timm has no published weights of {word}: see timm.list_pretrained().")
    raise VidclError(
        f"The weights of timm:{word} are not on this machine: {where}, or give a file of them as "
        f"timm:{word}@FILE."
    )
