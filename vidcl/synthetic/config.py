"""Everything that decides how the procedural world looks."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from vidcl.config import Config

Span = tuple[float, float]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]
Colour = tuple[Unit, Unit, Unit]


def _ordered(config: Config, *names: str) -> None:
    for name in names:
        low, high = getattr(config, name)
        if low > high:
            raise ValueError(f"{name} must be [low, high], not [{low}, {high}]")


class ObjectsConfig(Config):
    """Which objects exist and how instances of one class differ."""

    train_per_class: int = Field(default=12, ge=1)
    """Instances of each of the 12 classes that appear in videos."""
    report_per_class: int = Field(default=5, ge=0)
    """Held-out instances of each class for reported numbers."""
    tune_per_class: int = Field(default=5, ge=0)
    """Held-out instances of each class for choosing settings; disjoint from the reported ones."""
    palette: tuple[Colour, ...] = Field(
        default=(
            (0.92, 0.34, 0.27),
            (0.97, 0.84, 0.38),
            (0.27, 0.66, 0.40),
            (0.28, 0.60, 0.88),
            (0.48, 0.34, 0.72),
        ),
        min_length=3,
    )
    """The colours (RGB in [0, 1]) that all objects share."""
    colours: int = Field(default=3, ge=3)
    """Colours of one object; its parts arrange them differently."""
    size_jitter: float = Field(default=0.2, ge=0.0, lt=1.0)
    """Relative change of each part's half sizes within a class."""
    offset_jitter: float = Field(default=0.1, ge=0.0)
    """Shift of each part within a class, in units of the template."""
    texture_period: Span = (0.6, 1.1)
    """Texture period in object units (an object's radius is 1)."""
    balance_draws: int = Field(default=64, ge=1)
    """Colour arrangements drawn per instance; the one with the most equal areas is kept."""

    @model_validator(mode="after")
    def _check(self) -> "ObjectsConfig":
        _ordered(self, "texture_period")
        if self.colours > len(self.palette):
            raise ValueError("an object cannot have more colours than the palette")
        if self.texture_period[0] <= 0:
            raise ValueError("texture_period must be positive")
        return self


class LightConfig(Config):
    """The one directional light and its colour."""

    ambient: Unit = 0.4
    """Share of the light that comes from everywhere."""
    max_angle: float = Field(default=65.0, ge=0.0, le=90.0)
    """Largest angle in degrees between the light and the direction to the camera."""
    min_angle: float = Field(default=20.0, ge=0.0, le=90.0)
    """Smallest such angle in degrees."""
    colour_range: float = Field(default=0.25, ge=0.0)
    """Largest change of each channel's log gain; the mean log gain is zero."""

    @model_validator(mode="after")
    def _check(self) -> "LightConfig":
        if self.min_angle > self.max_angle:
            raise ValueError("min_angle must not exceed max_angle")
        return self


class BackgroundConfig(Config):
    """Clutter behind the objects. Every canvas has the same mean colour."""

    noise_period: Span = (20.0, 40.0)
    """Period of the colour noise in pixels."""
    noise_contrast: float = Field(default=0.12, ge=0.0, le=1.0)
    """Standard deviation of the noise in brightness; in each channel's colour half of it."""
    shapes: int = Field(default=40, ge=0)
    """Textured shapes per 256 x 192 pixels of canvas."""
    shape_radius: Span = (6.0, 22.0)
    """Half extent of a shape in pixels."""
    shape_opacity: Span = (0.35, 0.65)
    """Opacity of a shape."""

    @model_validator(mode="after")
    def _check(self) -> "BackgroundConfig":
        _ordered(self, "noise_period", "shape_radius", "shape_opacity")
        if self.noise_period[0] < 2 or self.shape_radius[0] <= 0:
            raise ValueError("noise_period must be at least 2 and shape_radius positive")
        return self


class VideosConfig(Config):
    """The clips."""

    count: int = Field(default=320, ge=1)
    """Number of clips."""
    width: int = Field(default=160, ge=32, multiple_of=2)
    """Frame width in pixels."""
    height: int = Field(default=120, ge=32, multiple_of=2)
    """Frame height in pixels."""
    frames: int = Field(default=32, ge=2)
    """Frames per clip."""
    rate: float = Field(default=12.0, gt=0.0)
    """Frames per second."""
    objects: tuple[int, int] = (1, 3)
    """Fewest and most objects per clip."""
    turn: Span = (90.0, 200.0)
    """Degrees that each object turns about its vertical axis during the clip."""
    elevation: Span = (8.0, 32.0)
    """Degrees that the camera stands above each object."""
    roll: float = Field(default=10.0, ge=0.0)
    """Largest in-plane rotation in degrees."""
    radius: Span = (28.0, 42.0)
    """Object radius in pixels at its first and last frame."""
    overlap: Unit = 0.1
    """Paths are redrawn while objects cover each other more than this, averaged over the clip."""
    camera_drift: float = Field(default=72.0, ge=0.0)
    """Largest way of the camera over the background during the clip, in pixels per axis."""
    backdrop: Literal["clip", "frame", "plain"] = "clip"
    """Behind the objects: one canvas over which the camera drifts, another canvas in every frame,
    or one plain colour in all clips."""
    canvases: int | None = Field(default=None, ge=1)
    """Canvases that clips (or, with backdrop 'frame', frames) have in turn; None: each its own."""
    light_knots: int = Field(default=4, ge=2)
    """Independent lights (direction and colour) that the light passes through along the clip."""
    min_visible: Unit = 0.3
    """A step counts as visible in the boxes' file from this seen share of the object on."""
    crf: int = Field(default=20, ge=0, le=51)
    """H.264 quality (lower is better)."""
    gop: int = Field(default=12, ge=1)
    """Frames from keyframe to keyframe."""
    b_frames: int = Field(default=2, ge=0)
    """Consecutive B-frames."""

    @model_validator(mode="after")
    def _check(self) -> "VideosConfig":
        _ordered(self, "objects", "turn", "elevation", "radius")
        if self.objects[0] < 1 or self.radius[0] <= 0:
            raise ValueError("objects and radius must be positive")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Fields younger than world_v1 are written where they are used alone, so that folders
        rendered before they were there are known again."""
        values: dict[str, Any] = write(self)
        if self.backdrop == "clip":
            values.pop("backdrop", None)
        if self.canvases is None:
            values.pop("canvases", None)
        return values


class SetsConfig(Config):
    """The labelled evaluation sets."""

    size: int = Field(default=64, ge=16)
    """Width and height of an image in pixels."""
    views: int = Field(default=20, ge=2)
    """Images of each object in each set."""
    margin: float = Field(default=1.15, ge=1.0)
    """The crop is a square with the longer side of the object's box times this."""
    elevation: float = 20.0
    """Camera elevation in degrees, in all sets."""
    azimuth: float = 30.0
    """Azimuth in degrees where viewpoint does not vary."""
    light_angles: tuple[float, float] = (35.0, 135.0)
    """Light where its direction does not vary: degrees from the view axis, degrees around it."""
    occlusion: Span = (0.0, 0.6)
    """Covered share of the object where occlusion varies."""
    scale: Span = (0.6, 1.0)
    """Size of the object relative to the full crop where scale varies."""
    backgrounds: int = Field(default=64, ge=1)
    """Background canvases that images with their own background are cut from."""
    occluder_size: Span = (0.7, 1.1)
    """Size of an occluding training object relative to the object that it covers."""
    jpeg_quality: int = Field(default=85, ge=1, le=100)
    """Images pass once through JPEG at this quality, as video crops do."""

    @model_validator(mode="after")
    def _check(self) -> "SetsConfig":
        _ordered(self, "occlusion", "scale", "occluder_size")
        if not 0 <= self.occlusion[0] <= self.occlusion[1] < 1:
            raise ValueError("occlusion must lie in [0, 1)")
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ValueError("scale must lie in (0, 1]")
        return self


class WorldConfig(Config):
    """The procedural world: objects, light, backgrounds, clips and labelled sets."""

    seed: int = Field(default=0, ge=0)
    """Everything random follows from this."""
    supersample: int = Field(default=2, ge=1, le=4)
    """Rays per pixel and axis."""
    objects: ObjectsConfig = ObjectsConfig()
    """Objects."""
    light: LightConfig = LightConfig()
    """Light."""
    background: BackgroundConfig = BackgroundConfig()
    """Backgrounds."""
    videos: VideosConfig = VideosConfig()
    """Clips."""
    sets: SetsConfig = SetsConfig()
    """Labelled sets."""
