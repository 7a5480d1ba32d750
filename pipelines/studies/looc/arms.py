"""The arms of the LooC study, and how each is trained."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from vidcl.config import Config, parse_config
from vidcl.methods.config import LooCConfig, MoCoConfig
from vidcl.training.build import build_method
from vidcl.training.config import TrainConfig

Count = Annotated[int, Field(ge=1)]


class StudyConfig(Config):
    """What is run, but for arms and seeds."""

    steps: Count = 300
    """Optimiser steps of every arm; those at equal forwards take more."""
    batch_size: Annotated[int, Field(ge=2)] = 128
    """Images per step."""
    lr: Annotated[float, Field(gt=0.0)] = 0.004
    """Peak learning rate of AdamW."""
    T: Annotated[float, Field(gt=0.0)] = 0.1
    """Temperature."""
    m: Annotated[float, Field(ge=0.0, le=1.0)] = 0.98
    """Momentum of the key encoder."""
    K: Count = 2048
    """Keys in each queue."""
    hidden: Count = 128
    """Width of the heads' hidden layer."""
    crop: tuple[float, float] = (0.5, 1.0)
    """Share of the image that a view's crop covers."""
    jitter: Annotated[float, Field(ge=0.0, le=1.0)] = 0.2
    """Brightness, contrast and saturation are multiplied by 1 +- this, beside the turn of the
    hue."""
    size: Annotated[int, Field(ge=16)] = 32
    """Side of the images in pixels."""
    images: Annotated[int, Field(ge=100)] = 6000
    """Images to train on."""
    probed: Annotated[int, Field(ge=50)] = 1000
    """Images that the probes are fitted on (of those to train on), and as many others they are
    tested on; each is shown at all four turns."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""


@dataclass(frozen=True)
class Arm:
    """One way to train.

    Attributes:
        title: what the reader sees.
        factors: augmentations beside the crop.
        method: two views (moco), or a query and a key for each space.
        shares: factors that the two views have in common.
        longer: as many passes through the encoder as LooC with both factors, instead of steps.
    """

    title: str
    factors: tuple[str, ...] = ()
    method: str = "moco"
    shares: tuple[str, ...] = ()
    longer: bool = False


BOTH = ("color", "rotation")
ARMS = {
    "crop": Arm("crop alone"),
    "colour": Arm("colour", ("color",)),
    "rotation": Arm("rotation", ("rotation",)),
    "both": Arm("colour + rotation", BOTH),
    "same-angle": Arm("colour + rotation, same angle", BOTH, shares=("rotation",)),
    "colour-longer": Arm("colour, equal forwards", ("color",), longer=True),
    "both-longer": Arm("colour + rotation, equal forwards", BOTH, longer=True),
    "same-angle-longer": Arm("same angle, equal forwards", BOTH, shares=("rotation",), longer=True),
    "looc-colour": Arm("LooC, colour", ("color",), "looc"),
    "looc-rotation": Arm("LooC, rotation", ("rotation",), "looc"),
    "looc": Arm("LooC, colour + rotation", BOTH, "looc"),
    "looc++": Arm("LooC++, colour + rotation", BOTH, "looc++"),
}
#: Run only when asked for, so that the study takes a quarter of an hour on two cores.
ON_REQUEST = (
    *("rotation", "colour-longer", "same-angle-longer"),
    *("looc-colour", "looc-rotation"),
)
#: What learns nothing from pairs of views.
CONTROLS = {
    "supervised": "supervised by the letter, crop alone",
    "random": "random network",
    "pixels": "raw pixels (16 x 16)",
}
#: Arm -> what the reader sees.
TITLES = {name: arm.title for name, arm in ARMS.items()} | CONTROLS
#: Probe -> heading.
PROBES = {"letter": "letter, %", "turn": "quarter turn, %", "hue": "native hue, %"}


def training_of(arm: Arm, seed: int, settings: StudyConfig) -> TrainConfig:
    """The run of an arm. Equal in all but views, keys and, where they are ``longer``, steps.

    Colour: the hue turned anywhere on the circle, in the plane in which the inks' hues lie, so that
    nothing of the native hue remains. Rotation: a turn with probability 3/4, so that the four
    angles are equally likely. No flips: there are mirrored letters that are others.
    """
    momentum = {"K": settings.K, "m": settings.m, "T": settings.T}
    method: Config
    if arm.method == "moco":
        method = MoCoConfig(shares=arm.shares, **momentum)
    else:
        method = LooCConfig(factors=arm.factors, plus_plus=arm.method == "looc++", **momentum)
    config = parse_config(
        {
            "method": method,
            "model": {
                "backbone": "resnet_tiny",
                "head_batch_norm": True,
                "hidden": settings.hidden,
            },
            "views": {
                "size": settings.size,
                "crop_scale": settings.crop,
                "flip": 0.0,
                "jitter": float("color" in arm.factors),
                "brightness": settings.jitter,
                "contrast": settings.jitter,
                "saturation": settings.jitter,
                "hue": 0.5,
                "hue_space": "yiq",
                "greyscale": 0.0,
                "turn": 0.75 if "rotation" in arm.factors else 0.0,
                "blur": 0.0,
            },
            "training": {
                "steps": settings.steps,
                "batch_size": settings.batch_size,
                "optimizer": "adamw",
                "lr": settings.lr,
                "weight_decay": 0.01,
                "warmup_steps": min(20, settings.steps // 4),
                "device": settings.device,
                "tensorboard": False,
            },
            "seed": seed,
        },
        TrainConfig,
        source="the study",
    )
    if not arm.longer:
        return config
    other = training_of(Arm("", BOTH, "looc"), seed, settings)
    ratio = build_method(other, settings.images).forwards
    ratio /= build_method(config, settings.images).forwards
    longer = config.training.model_copy(update={"steps": round(ratio * settings.steps)})
    return config.model_copy(update={"training": longer})
