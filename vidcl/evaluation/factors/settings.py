"""Settings of the curves: everything that moves a number."""

from pydantic import Field, field_validator

from vidcl.config import Config
from vidcl.errors import VidclError
from vidcl.evaluation.factors.strengths import FACTORS, SEVERITIES, step_of
from vidcl.evaluation.factors.transform import Occluder


class FactorSettings(Config):
    """Which images under which factors, and the constants of the measures."""

    factors: tuple[str, ...] = tuple(FACTORS)
    """Which factors."""
    severities: tuple[int, ...] = SEVERITIES
    """Which severities, 1 to 5; the untouched images (0) are always there."""
    images: int = Field(default=500, ge=2)
    """Images of each set, drawn at random; a smaller set is taken whole."""
    occluder: Occluder = "grey"
    """What covers in the factor occlusion: the image's mean grey, or another image of the set."""
    instance_column: str = "instance"
    """The label whose values are resampled and do not vote for themselves; without it, images."""
    class_column: str = "class"
    """The label of the k-NN accuracy; without it there is none."""
    knn_k: int = Field(default=20, ge=1)
    """Neighbours that vote for a class."""
    knn_temperature: float = Field(default=0.07, gt=0)
    """A neighbour's vote weighs exp(cosine / temperature)."""
    bootstrap: int = Field(default=1000, ge=0)
    """Resamples of instances for the 95 % intervals; 0: no intervals."""
    seed: int = 0
    """Of the choice of images, of random networks, of what chance decides in the factors, and of
    the bootstrap."""

    @field_validator("severities")
    @classmethod
    def _ascending(cls, severities: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(severities)))

    def check(self) -> None:
        """Raises:
        VidclError: there is no such factor or severity, none at all, or a factor twice.
        """
        if not self.factors or not self.severities or len(set(self.factors)) < len(self.factors):
            raise VidclError("Ask for at least one severity and one factor, each factor once.")
        for factor in self.factors:
            for severity in self.severities:
                step_of(factor, severity)
