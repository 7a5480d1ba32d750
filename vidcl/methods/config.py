"""Settings of the methods."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from vidcl.config import Config
from vidcl.methods.factors import Factor
from vidcl.views.jigsaw import JigsawConfig


class MomentumConfig(Config):
    """A momentum encoder and a queue, with the symbols of MoCo's paper."""

    name: str
    """The method."""
    K: Annotated[int, Field(ge=1)] | None = None
    """Keys in the queue. Refused above half the crops; without it, K_max or half the crops."""
    K_max: Annotated[int, Field(ge=1)] = 65536
    """The queue's size where K is not given and the store is large enough."""
    m: Annotated[float, Field(ge=0.0, le=1.0)] = 0.999
    """Momentum of the key encoder."""
    m_end: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Momentum at the last step, reached along half a cosine (Grill et al. 2020, with 1.0); None:
    it stays at m."""
    T: Annotated[float, Field(gt=0.0)] = 0.2
    """Temperature."""
    mask_own_track: bool = True
    """Leave keys of the query's own track out of its negatives."""


class MoCoConfig(MomentumConfig):
    """MoCo."""

    name: Literal["moco"] = "moco"
    """The method."""
    shares: tuple[Factor, ...] = ()
    """Factors that the key has from its query instead of a draw of its own, so that the
    representation need not be invariant to them; time: both views show one moment."""


class InfoMinConfig(MomentumConfig):
    """InfoMin: MoCo with a jigsaw branch (Tian et al. 2020); its views are the recipe infomin."""

    name: Literal["infomin"] = "infomin"
    """The method."""
    T: Annotated[float, Field(gt=0.0)] = 0.15
    """Temperature."""
    beta: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """Weight of the jigsaw branch; the image has the rest. 0 makes no patches: MoCo."""
    jigsaw: JigsawConfig = JigsawConfig()
    """The patches."""


class LooCConfig(MomentumConfig):
    """LooC: a space for each factor that shall be kept, and one that is invariant to all."""

    name: Literal["looc"] = "looc"
    """The method."""
    factors: Annotated[tuple[Factor, ...], Field(min_length=1)] = ("color", "rotation")
    """Factors with a space of their own. The views must have them: jitter for color, turn for
    rotation, texture; for time pairs a gap."""
    K_max: Annotated[int, Field(ge=1)] = 16384
    """The queues' size where K is not given and the store is large enough."""
    plus_plus: bool = False
    """LooC++: each space has a last stage of the backbone of its own, and the feature is all of
    them."""


class PIRLConfig(Config):
    """PIRL: an image and its patches against a memory bank with an entry for every track."""

    name: Literal["pirl"] = "pirl"
    """The method."""
    K: Annotated[int, Field(ge=1)] = 65536
    """Entries of the bank that are drawn as negatives of a step; all where there are fewer."""
    m: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """Share of a bank's entry that stays when its track is seen."""
    T: Annotated[float, Field(gt=0.0)] = 0.07
    """Temperature."""
    beta: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """Weight of the jigsaw branch; the image has the rest. 0 makes no patches: instance
    discrimination (Wu et al. 2018)."""
    jigsaw: JigsawConfig = JigsawConfig()
    """The patches."""


class SimCLRConfig(Config):
    """SimCLR. Its negatives are the other pairs of the batch, so the batch should be large."""

    name: Literal["simclr"] = "simclr"
    """The method."""
    T: Annotated[float, Field(gt=0.0)] = 0.1
    """Temperature."""
    mask_own_track: bool = True
    """Leave views of the anchor's own track, but for its positive, out of its negatives."""


#: What projections shall be distributed as.
Distribution = Literal["logsumexp", "sphere", "cube", "normal"]


class GeneralizedConfig(Config):
    """Alignment plus the distance to a distribution (Chen, Luo, Li 2021); batches as SimCLR's."""

    name: Literal["generalized"] = "generalized"
    """The method."""
    distribution: Distribution = "logsumexp"
    """logsumexp: decoupled NT-Xent; the others by sliced Wasserstein distance: uniform on the
    unit sphere, uniform in the cube [-1, 1], or normal. Projections have unit length with logsumexp
    and sphere."""
    weight: Annotated[float, Field(ge=0.0)] | None = None
    """Lambda: of the distribution beside the alignment, which is divided by model.dim; None: the
    paper's, 0.1 with logsumexp and 5 otherwise."""
    T: Annotated[float, Field(gt=0.0)] = 1.0
    """Temperature of logsumexp, and of the InfoNCE that is logged."""


def _named(value: Any) -> str:
    """The method's name in a configuration; MoCo where none is given."""
    return value.get("name", "moco") if isinstance(value, dict) else value.name


MethodConfig = Annotated[
    Annotated[MoCoConfig, Tag("moco")]
    | Annotated[SimCLRConfig, Tag("simclr")]
    | Annotated[GeneralizedConfig, Tag("generalized")]
    | Annotated[LooCConfig, Tag("looc")]
    | Annotated[InfoMinConfig, Tag("infomin")]
    | Annotated[PIRLConfig, Tag("pirl")],
    Discriminator(_named),
]


class PenaltyConfig(Config):
    """InvCLR: the representation is to change little along parameters of the view."""

    along: Annotated[tuple[str, ...], Field(min_length=1)] = ("color",)
    """Parameters of the query's view: color (brightness, contrast, saturation, hue together),
    gamma, sigma (of the blur), box (the crop), angle, scale, shear, translation; time: the pair's
    two moments."""
    by: Literal["slope", "change", "relative"] = "slope"
    """slope: the paper's, the representation's slope along these parameters. change: the squared
    change itself, to one further view of the query in which they alone are drawn anew; it holds
    where the first order does not, and is at most 4 at unit length (ours). relative: the change
    over that between images of the batch, which drawing all images together does not lower
    (ours)."""
    weight: Annotated[float, Field(ge=0.0)] = 0.0
    """Lambda: what the penalty is multiplied by (the authors: 0.1 on CIFAR); 0 is no penalty."""
    clip: Annotated[float, Field(gt=0.0)] = 1.0
    """A penalty beyond this counts as this, and has no gradient."""
    clip_each: bool = False
    """Clip the penalty of each image instead of the batch's mean."""
    redraws: Annotated[int, Field(ge=1)] = 100
    """How often the parameters are drawn anew for each image."""
    scale: dict[str, Annotated[float, Field(ge=0.0)]] = Field(default_factory=dict)
    """Factors on how far each parameter is drawn from its value (h: 0.1); 1 where none is given."""
    normalise: bool = True
    """Penalise the representation at unit length."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not set(self.scale) <= set(self.along):
            raise ValueError("scale names parameters that along does not")
        if self.scale and self.by != "slope":
            raise ValueError("scale goes with by: slope")
        return self
