"""The axes of the InfoMin study: which views, in order, and what is asked of the features."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from vidcl.config import Config, parse_config
from vidcl.training.config import TrainConfig

Count = Annotated[int, Field(ge=1)]


class StudyConfig(Config):
    """What is run, but for axes and seeds."""

    preset: str = "world_v1"
    """Preset of the procedural world."""
    clips: Count = 160
    """How many of the world's clips are rendered."""
    objects: Literal["report", "tune"] = "report"
    """Held-out objects to report on, or others to tune on."""
    steps: Count = 200
    """Optimiser steps of every run."""
    batch_size: Annotated[int, Field(ge=4)] = 128
    """Pairs per step."""
    lr: Annotated[float, Field(gt=0.0)] = 0.004
    """Peak learning rate of AdamW."""
    T: Annotated[float, Field(gt=0.0)] = 0.1
    """Temperature, of the loss and of the estimate of I_NCE."""
    backbone: Literal["conv_tiny", "resnet_tiny"] = "conv_tiny"
    """The network."""
    size: Annotated[int, Field(ge=16)] = 32
    """Side of the views in pixels."""
    pairs: Annotated[int, Field(ge=8)] = 2048
    """Pairs of held-out clips on which I_NCE is measured."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""


@dataclass(frozen=True)
class Setting:
    """One way to make views.

    Attributes:
        label: what the reader sees beside its point.
        views: where it departs from ``BASE``.
        gap: smallest and largest time between the two views in seconds.
        kind: crops of objects, or whole frames.
    """

    label: str
    views: Mapping[str, Any] = field(default_factory=dict)
    gap: tuple[float, float] = (0.0, 0.0)
    kind: Literal["region", "frame"] = "region"


@dataclass(frozen=True)
class Axis:
    """Settings that differ in one thing.

    Attributes:
        title: what the reader sees.
        settings: arm -> setting, in order along the axis.
        best: the arm that did best on tuning seeds and objects among those that are no end.
        paper: where the paper has its sweet spot.
        base: the label of ``STILL`` on this axis.
        joined: whether the settings have an order of their own.
        task: what the features are asked: a set and a measure, as ``measure`` names its numbers.
        asked: the task in words.
    """

    title: str
    settings: Mapping[str, Setting]
    best: str
    paper: str = ""
    base: str = ""
    joined: bool = True
    task: str = "viewpoint recall"
    asked: str = "Recall@1, viewpoint, %"

    def label(self, arm: str) -> str:
        """What the reader sees beside an arm's point."""
        return self.base if arm == BASE_ARM else self.settings[arm].label


def jitter(strength: float) -> dict[str, float]:
    """Colour jitter of ``strength``, as SimCLR and InfoMin count it."""
    parts = {"brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.2}
    return {name: strength * most for name, most in parts.items()}


#: What an axis does not vary.
BASE: dict[str, Any] = {
    "crop_scale": (0.3, 1.0),
    "flip": 0.5,
    "jitter": 1.0,
    **jitter(0.1),
    "greyscale": 0.0,
    "blur": 0.0,
}
#: Milder still where views show different parts of an image: those share little as it is.
PARTS: dict[str, Any] = {"crop_scale": (0.6, 1.0), "jitter": 0.0}
#: Share of a frame that a patch covers.
PATCH = 0.2
STILL = Setting("base")
#: The arm that several axes share.
BASE_ARM = "base"

#: In seconds; an eighth less and more is admitted, so that the largest has many pairs in a clip.
GAPS = (0.17, 0.33, 0.67, 1.33, 2.25)


def _crop(low: float) -> Setting:
    return Setting(f"{low:g}", {"crop_scale": (low, 1.0)})


def _patches(distance: float) -> Setting:
    views = {"crop_scale": (PATCH, PATCH), "crop_ratio": (1.0, 1.0), "distance": distance}
    return Setting(f"{distance:g}", views, kind="frame")


def _apart(gap: float) -> Setting:
    return Setting(f"{gap:g}", gap=(round(0.875 * gap, 3), round(1.125 * gap, 3)))


def _frequency(sigma: float) -> Setting:
    return Setting(f"{sigma:g}", PARTS | {"split": "frequency", "split_sigma": sigma})


AXES = {
    "crop": Axis(
        "crop area: smallest share of the image",
        {f"crop-{c:g}": _crop(c) for c in (1.0, 0.6)}
        | {"base": STILL}
        | {f"crop-{c:g}": _crop(c) for c in (0.15, 0.06, 0.02)},
        best="crop-0.6",
        paper="0.2",
        base="0.3",
    ),
    "jitter": Axis(
        "colour jitter: strength",
        {"jitter-0": Setting("0", jitter(0.0)), "base": STILL}
        | {f"jitter-{s:g}": Setting(f"{s:g}", jitter(s)) for s in (0.25, 0.5, 1.0)},
        best="jitter-0.25",
        paper="1.0",
        base="0.1",
    ),
    "distance": Axis(
        "patches of a frame: distance in sides of the patch",
        {f"distance-{d:g}": _patches(d) for d in (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)},
        best="distance-0.05",
        paper="between near and far",
    ),
    "color": Axis(
        "parts of a colour space",
        {
            f"color-{name}": Setting(label, PARTS | {"split": name})
            for name, label in (
                ("none", "none"),
                ("r_gb", "R | GB"),
                ("v_hs", "V | HS"),
                ("h_sv", "H | SV"),
                ("l_ab", "L | ab"),
                ("y_dbdr", "Y | DbDr"),
            )
        },
        best="color-h_sv",
        paper="YDbDr, of low I_NCE",
        joined=False,
    ),
    "frequency": Axis(
        "low | high frequencies: sigma of the blur in pixels",
        {f"frequency-{s:g}": _frequency(s) for s in (0.4, 0.8, 1.5, 3.0, 6.0)},
        best="frequency-6",
        paper="sigma 1.0 (recalled, unchecked)",
    ),
    "gap": Axis(
        "time between the two views in seconds",
        {"base": STILL}
        | {f"gap-{g:g}": _apart(g) for g in GAPS},
        best="gap-0.33",
        base="0",
    ),
}  # fmt: skip
#: Arm -> setting, of all axes.
SETTINGS = {arm: setting for axis in AXES.values() for arm, setting in axis.settings.items()}
#: What learns nothing.
CONTROLS = {"random": "random network", "pixels": "raw pixels (16 x 16)"}


def training_of(setting: Setting, seed: int, settings: StudyConfig) -> TrainConfig:
    """The run of a setting: equal in all but its pairs and views."""
    return parse_config(
        {
            "method": {"name": "simclr", "T": settings.T},
            "model": {"backbone": settings.backbone, "head_batch_norm": True},
            "views": BASE | {"size": settings.size} | dict(setting.views),
            "pairs": {"streams": [{"kind": setting.kind, "gap": setting.gap}]},
            "training": {
                "steps": settings.steps,
                "batch_size": settings.batch_size,
                "optimizer": "adamw",
                "lr": settings.lr,
                "weight_decay": 0.01,
                "warmup_steps": min(20, settings.steps // 4),
                "log_every": max(1, settings.steps // 4),
                "device": settings.device,
                "tensorboard": False,
            },
            "seed": seed,
        },
        TrainConfig,
        source="the study",
    )
