"""What a view does to an image, as settings, and the recipes of the papers."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from vidcl.config import Config

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Angle = Annotated[float, Field(ge=0.0, lt=90.0)]
Range = tuple[float, float]
Split = Literal["none", "r_gb", "y_dbdr", "l_ab", "h_sv", "v_hs", "frequency"]

#: Settings that are a smallest and a largest positive value.
_RANGES = (
    *("crop_scale", "crop_ratio", "blur_sigma", "scale", "gamma_range", "sharpness_range"),
    *("occlusion_area", "occlusion_ratio", "noise_std"),
)

#: Channel means and standard deviations of ImageNet for images in [0, 1].
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class ViewConfig(Config):
    """One random view, in this order: crop, flip, turn and affine map; texture; colour and
    greyscale; blur; gamma, sharpness, autocontrast, equalise, posterise, solarise; RandAugment;
    occlusion; noise; normalisation. Probabilities of 0 leave an operation out."""

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
    blur_radius: Annotated[int, Field(ge=1)] | None = None
    """Pixels beyond which the blur's kernel is cut off; None: three times the largest sigma."""
    hue_space: Literal["yiq", "hsv"] = "yiq"
    """Turn the hue in YIQ (linear, differentiable, one map, clamped at the end of the jitter) or in
    HSV (as the papers do, clamped after each part of the jitter)."""
    greyscale_last: bool = False
    """Grey after RandAugment (InfoMin)."""
    turn: Share = 0.0
    """Probability of a turn by 90, 180 or 270 degrees, evenly."""
    affine: Share = 0.0
    """Probability of rotation, scale, shear and translation, together."""
    rotation: Annotated[float, Field(ge=0.0, le=180.0)] = 0.0
    """Free rotation by +- this many degrees, in the true image."""
    scale: Range = (1.0, 1.0)
    """How much larger things appear, drawn evenly in its logarithm."""
    shear: tuple[Angle, Angle] = (0.0, 0.0)
    """Shear along x and y by +- these many degrees."""
    translation: tuple[Share, Share] = (0.0, 0.0)
    """Shift by +- these shares of the crop's width and height."""
    fill: tuple[Share, Share, Share] = IMAGENET_MEAN
    """Colour of what lies outside of the image."""
    texture: Share = 0.0
    """Probability of a random texture (a random convolution mixed in)."""
    texture_size: Annotated[int, Field(ge=1, le=15)] = 5
    """Side of the random convolution, odd."""
    gamma: Share = 0.0
    """Probability of a gamma curve."""
    gamma_range: Range = (0.5, 2.0)
    """Its exponent, drawn evenly in its logarithm."""
    sharpness: Share = 0.0
    """Probability of a change of sharpness."""
    sharpness_range: Range = (0.1, 1.9)
    """0 is smoothed, 1 unchanged, 2 sharpened."""
    autocontrast: Share = 0.0
    """Probability of stretching each channel to its full range."""
    equalise: Share = 0.0
    """Probability of equalising each channel's histogram."""
    posterise: Share = 0.0
    """Probability of keeping the highest bits alone."""
    posterise_bits: Annotated[int, Field(ge=0, le=8)] = 4
    """How many bits posterise keeps."""
    solarise: Share = 0.0
    """Probability of inverting bright values."""
    solarise_threshold: Share = 0.5
    """From where solarise inverts."""
    randaugment: Literal["none", "torchvision", "timm"] = "none"
    """RandAugment with the operations and magnitudes of torchvision, or of timm (InfoMin)."""
    randaugment_length: Annotated[int, Field(ge=1)] = 2
    """How many operations in a row."""
    randaugment_magnitude: Annotated[float, Field(ge=0.0, le=30.0)] = 9.0
    """Of 30 with torchvision's, of 10 with timm's."""
    occlusion: Share = 0.0
    """Probability of covering a rectangle."""
    occlusion_area: Range = (0.02, 0.33)
    """Share of the view that is covered."""
    occlusion_ratio: Range = (0.3, 3.3)
    """Width over height of the covering rectangle."""
    occlusion_by: Literal["mean", "color", "view"] = "mean"
    """Cover with the mean colour, a random colour, or another view of the batch."""
    noise: Share = 0.0
    """Probability of Gaussian noise."""
    noise_std: Range = (0.01, 0.1)
    """Its standard deviation, of values in [0, 1]."""
    split: Split = "none"
    """The query shows one part of its image and the keys show the other (InfoMin): channels of a
    colour space, or low and high frequencies; see ``views.split``."""
    split_sigma: Annotated[float, Field(gt=0.0)] = 1.0
    """Standard deviation in pixels of the view of the blur that splits frequencies."""
    distance: Annotated[float, Field(ge=0.0)] | None = None
    """The key's crop has the size of the query's and lies this many of its sides beside and as many
    above or below it (InfoMin's patches); 0 is the same crop, None a draw of its own."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Channel means that normalisation subtracts (of images in [0, 1])."""
    std: tuple[float, float, float] = IMAGENET_STD
    """Channel standard deviations that normalisation divides by."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in _RANGES:
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} must be [low, high] with 0 < low <= high")
        for name in ("crop_scale", "occlusion_area"):
            if getattr(self, name)[1] > 1:
                raise ValueError(f"{name} cannot pass 1: a part lies inside its image")
        if min(self.std) <= 0:
            raise ValueError("std must be positive")
        if self.texture_size % 2 == 0 or (self.texture and self.texture_size >= 2 * self.size):
            raise ValueError("texture_size must be odd, and below twice the view's size")
        if self.randaugment == "timm" and self.randaugment_magnitude > 10:
            raise ValueError("randaugment_magnitude is of 10 with timm's operations")
        if self.greyscale_first and self.greyscale_last:
            raise ValueError("choose one of greyscale_first and greyscale_last")
        return self


#: Recipes by name.
RECIPES = ("moco_v1", "moco_v2", "simclr", "infomin", "eval")


def recipe(
    name: Literal["moco_v1", "moco_v2", "simclr", "infomin", "eval"], size: int = 224
) -> ViewConfig:
    """The views of a paper.

    - ``moco_v1``: He et al. 2020, section 3.3.
    - ``moco_v2``: Chen, Fan et al. 2020.
    - ``simclr``: Chen, Kornblith et al. 2020, appendix A, jitter of strength 1; the blur's kernel
      spans a tenth of the view.
    - ``infomin``: Tian et al. 2020 as published in its code (PyContrast, recipe D): crops of 0.2 to
      1, jitter of strength 1 with its hue in HSV, blur of 23 pixels, RandAugment (timm's, 2
      operations, magnitude 10), grey last. What is left: the code rounds to 256 levels after
      every operation.
    - ``eval``: nothing random. With the images' true ``sizes`` the largest central square, squared
      images whole.

    But for ``infomin`` hue turns in YIQ unless ``hue_space`` is set to "hsv", as in the papers'
    code.

    Raises:
        ValueError: there is no such recipe.
    """
    if name == "moco_v2":
        return ViewConfig(size=size)
    if name == "moco_v1":
        return ViewConfig(size=size, jitter=1.0, hue=0.4, greyscale_first=True, blur=0.0)
    strong = ViewConfig(size=size, brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2)
    if name == "simclr":
        radius = max(1, size // 20)
        return strong.model_copy(update={"crop_scale": (0.08, 1.0), "blur_radius": radius})
    if name == "infomin":
        augment = {"randaugment": "timm", "randaugment_length": 2, "randaugment_magnitude": 10.0}
        update = {"blur_radius": 11, "greyscale_last": True, "hue_space": "hsv", **augment}
        return strong.model_copy(update=update)
    if name == "eval":
        return ViewConfig(
            size=size,
            crop_scale=(1.0, 1.0),
            crop_ratio=(1.0, 1.0),
            flip=0.0,
            jitter=0.0,
            greyscale=0.0,
            blur=0.0,
        )
    raise ValueError(f"there is no recipe {name!r}; choose from {', '.join(RECIPES)}")
