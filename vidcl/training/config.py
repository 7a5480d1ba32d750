"""Everything that decides a training run."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from vidcl.config import Config
from vidcl.methods.config import (
    InfoMinConfig,
    MethodConfig,
    MoCoConfig,
    PenaltyConfig,
    PIRLConfig,
)
from vidcl.methods.factors import NEEDS
from vidcl.methods.wanted import TIME
from vidcl.models.config import ModelConfig
from vidcl.views.recipe import ViewConfig

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]


def _several(value: Any) -> Any:
    """One word stands for a list of one."""
    return (value,) if isinstance(value, str) else value


Kinds = Annotated[
    tuple[Literal["frame", "region", "image"], ...], BeforeValidator(_several), Field(min_length=1)
]


class StreamConfig(Config):
    """One kind of pair: which tracks, and how far apart in time the two views are."""

    share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Share of every batch."""
    kind: Kinds = ("frame", "image")
    """What the tracks show, one kind or several: whole frames of videos, followed regions, still
    images (tracks of length one)."""
    proposer: tuple[str, ...] | None = None
    """Only tracks of these proposers."""
    tracker: tuple[str, ...] | None = None
    """Only tracks of these trackers."""
    gap: tuple[NotNegative, NotNegative] = (0.0, 0.0)
    """Smallest and largest time between the two crops in seconds; 0 0 is the same crop twice."""
    crop_scale: tuple[Positive, Positive] | None = None
    """Share of the area that a view's crop covers, instead of the views' own."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.gap[0] > self.gap[1]:
            raise ValueError("gap must be [smallest, largest]")
        if self.crop_scale and not self.crop_scale[0] <= self.crop_scale[1] <= 1:
            raise ValueError("crop_scale must be [smallest, largest], at most 1")
        return self


class PairConfig(Config):
    """Where positive pairs come from."""

    streams: tuple[StreamConfig, ...] = (StreamConfig(),)
    """Kinds of pairs, mixed in every batch; their shares sum to one."""
    splits: tuple[Literal["train", "test"], ...] = ("train",)
    """Videos to draw from; with "test" nothing is held out for a search among own tracks."""
    weight: Literal["track", "video", "change"] = "track"
    """What is drawn evenly: tracks; or videos, and then one of the video's tracks; or tracks in
    proportion to change_floor + c, c how much the track's look changes (``change`` in the store,
    at most 1)."""
    change_floor: Annotated[float, Field(gt=0.0)] = 0.1
    """With weight 'change': the weight of a track that does not change at all."""
    candidates: Count = 1
    """Draw so many admissible pairs of a track and keep the one between whose crops the look
    changed most (the sum of ``changes`` in the store); 1 draws evenly."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.streams or abs(sum(stream.share for stream in self.streams) - 1) > 1e-6:
            raise ValueError("the shares of the streams must sum to 1")
        return self


class TrainingConfig(Config):
    """The optimisation and its bookkeeping."""

    steps: Count = 1200
    """Optimiser steps."""
    batch_size: Count = 256
    """Pairs per step, over all processes together."""
    optimizer: Literal["sgd", "adamw", "lars"] = "sgd"
    """SGD with momentum (the papers), AdamW, or LARS (large batches; extra timm)."""
    lr: Positive = 0.03
    """Peak learning rate."""
    momentum: NotNegative = 0.9
    """Momentum of SGD and LARS."""
    weight_decay: NotNegative = 1e-4
    """Weight decay."""
    schedule: Literal["cosine", "constant", "step"] = "cosine"
    """How the learning rate falls after the warm-up; step: to a tenth at each milestone."""
    milestones: tuple[Annotated[float, Field(gt=0.0, lt=1.0)], ...] = (0.6, 0.8)
    """Shares of the run at which schedule 'step' takes a step (MoCo v1: 120 and 160 of 200)."""
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps over which the learning rate rises from zero."""
    accumulate: Count = 1
    """Parts in which a batch goes through the network, one after the other, for less memory."""
    clip_norm: Positive | None = None
    """Shorten gradients that are longer than this."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the network; auto: bfloat16 where the processor computes in it. float16 (on a GPU) scales
    the loss."""
    channels_last: bool = True
    """Memory layout of images and feature maps."""
    compile: bool = False
    """Compile the encoders; pays on long runs on a GPU."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    decoded_cache_mb: Annotated[int, Field(ge=0)] = 1024
    """Keep decoded crops in memory if all of them fit this many MB; 0 decodes them every time."""
    max_bad_crops: Annotated[int, Field(ge=0)] = 100
    """So many crops may turn out not to decode; each is reported, and its pair gives way to another
    of the batch."""
    prefetch: Annotated[int, Field(ge=0)] = 2
    """Batches read ahead by a thread; 0 reads in the training thread."""
    log_every: Count = 50
    """Steps between lines of metrics.jsonl."""
    checkpoint_every: Count = 1000
    """Steps between checkpoints."""
    keep_checkpoints: bool = False
    """Keep every checkpoint as step-N.pt beside last.pt and previous.pt."""
    keep_best: str | None = None
    """Keep the checkpoint with the largest value of this number of the log (knn) as best.pt."""
    callback_every: Count = 1000
    """Steps between calls of the callbacks (online evaluation)."""
    tensorboard: bool = True
    """Write TensorBoard events beside metrics.jsonl."""
    wandb: str | None = None
    """Send the log to this project of Weights & Biases too (needs vidcl[wandb])."""


class TrainConfig(Config):
    """A training run."""

    method: MethodConfig = MoCoConfig()
    """The contrastive method."""
    penalty: PenaltyConfig = PenaltyConfig()
    """InvCLR's penalty on top of the method's loss, where its weight is above 0."""
    model: ModelConfig = ModelConfig()
    """Backbone and projection head."""
    views: ViewConfig = ViewConfig()
    """What the two views of a pair go through."""
    pairs: PairConfig = PairConfig()
    """Where the pairs come from."""
    training: TrainingConfig = TrainingConfig()
    """Optimisation and bookkeeping."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of everything random."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        batch, shards = self.training.batch_size, self.model.bn_shards
        if batch % shards or batch // shards < 2:
            raise ValueError(
                f"batch_size {batch} must be a multiple of bn_shards {shards}, at least twice it"
            )
        parts = self.training.accumulate
        if batch % (parts * shards) or batch // (parts * shards) < 2:
            raise ValueError(
                f"batch_size {batch} in {parts} parts (accumulate) must leave each a multiple of "
                f"bn_shards {shards}, at least twice it"
            )
        if self.method.name in ("simclr", "generalized") and (parts > 1 or shards > 1):
            raise ValueError(
                f"accumulate and bn_shards must be 1 with {self.method.name}: its loss and its "
                "BatchNorm take the whole batch"
            )
        if self.penalty.weight and (
            parts > 1 or self.training.compile or self.training.precision == "float16"
        ):
            raise ValueError(
                "with a penalty accumulate must be 1, compile false and precision not float16: it "
                "is differentiated twice, over the whole batch"
            )
        self._check_factors()
        self._check_patches()
        return self

    def _check_factors(self) -> None:
        """Whether views can differ in what the method or the penalty wants them to differ in."""
        factors = set(getattr(self.method, "factors", ()))
        for factor in sorted(factors & set(NEEDS)):
            if not getattr(self.views, NEEDS[factor]):
                raise ValueError(f"the factor {factor} needs views.{NEEDS[factor]} above 0")
        along = self.penalty.along if self.penalty.weight else ()
        still = all(stream.gap[1] == 0 for stream in self.pairs.streams)
        if still and TIME in (*factors, *along):
            raise ValueError("time needs pairs of two moments: give a stream a gap above 0")

    def _check_patches(self) -> None:
        """Whether patches fit their cells, and show what the views show."""
        method = self.method
        if not isinstance(method, InfoMinConfig | PIRLConfig):
            return
        if method.beta:
            method.jigsaw.sides(self.views.size)
        if self.views.split != "none" and (method.beta or method.name == "pirl"):
            raise ValueError(
                "views.split shows a part of each image, and patches and PIRL's bank know no "
                "parts: set views.split to none, or use moco"
            )
