"""What a view does to an image, as settings, and the recipes of the papers."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from vidcl.config import Config

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Range = tuple[float, float]

#: Channel means and standard deviations of ImageNet for images in [0, 1].
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class ViewConfig(Config):
    """One random view, in this order: crop and flip, colour, greyscale, blur, normalisation."""

    size: Annotated[int, Field(ge=1)] = 224
    """Side of the view in pixels."""
    crop_scale: Range = (0.2, 1.0)
    """Share of the image's area that the crop covers."""
    crop_ratio: Range = (3 / 4, 4 / 3)
    """Width over height of the crop in the true image, before it is squared."""
    flip: Share = 0.5
    """Probability of a left-right flip."""
    jitter: Share = 0.8
    """Probability of the colour jitter (its four parts together, in random order)."""
    brightness: Share = 0.4
    """Brightness is multiplied by 1 +- this."""
    contrast: Share = 0.4
    """Contrast about the mean grey is multiplied by 1 +- this."""
    saturation: Share = 0.4
    """Saturation is multiplied by 1 +- this."""
    hue: Annotated[float, Field(ge=0.0, le=0.5)] = 0.1
    """Hue is turned by +- this, as a share of the full circle."""
    greyscale: Share = 0.2
    """Probability of a grey image."""
    greyscale_first: bool = False
    """Grey before the colour jitter (MoCo v1) instead of after it (MoCo v2)."""
    blur: Share = 0.5
    """Probability of a Gaussian blur."""
    blur_sigma: Range = (0.1, 2.0)
    """Standard deviation of the blur in pixels of the view."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Channel means that normalisation subtracts (of images in [0, 1])."""
    std: tuple[float, float, float] = IMAGENET_STD
    """Channel standard deviations that normalisation divides by."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("crop_scale", "crop_ratio", "blur_sigma"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} must be [low, high] with 0 < low <= high")
        if self.crop_scale[1] > 1:
            raise ValueError("crop_scale cannot pass 1: a crop lies inside its image")
        if min(self.std) <= 0:
            raise ValueError("std must be positive")
        return self


def recipe(name: Literal["moco_v1", "moco_v2", "eval"], size: int = 224) -> ViewConfig:
    """The views of MoCo v1 (He et al. 2020, section 3.3), of MoCo v2 (Chen et al. 2020), and none.

    ``eval`` shows the whole image, squared and normalised.
    """
    if name == "moco_v2":
        return ViewConfig(size=size)
    if name == "moco_v1":
        return ViewConfig(size=size, jitter=1.0, hue=0.4, greyscale_first=True, blur=0.0)
    return ViewConfig(
        size=size, crop_scale=(1.0, 1.0), flip=0.0, jitter=0.0, greyscale=0.0, blur=0.0
    )
