"""Settings of a measurement: everything that moves a number."""

from typing import Literal

from pydantic import Field

from vidcl.config import Config
from vidcl.evaluation.invariance.firing import Mode
from vidcl.evaluation.retrieval.cross_view import GAP_EDGES

Measure = Literal["retrieval", "invariance", "knn"]

#: What can be measured of a table.
MEASURES: tuple[Measure, ...] = ("retrieval", "invariance", "knn")


class EvaluationConfig(Config):
    """Which columns mean what, and the constants of each measure."""

    measures: tuple[Measure, ...] = MEASURES
    """What to measure, as far as the labels allow."""
    instance_column: str = "instance"
    """The label that names the thing shown; a right answer of retrieval."""
    set_column: str = "set"
    """The label of RIS's transformation sets; a table without it takes the instances for sets."""
    class_column: str = "class"
    """The label of k-NN and the condition of RIS. Neighbours of the same instance have no vote;
    where the instance column is this one, only the image itself has none. A table without it gets
    neither k-NN nor RIS conditioned on a class (then every instance is a class of its own)."""
    angle_column: str = "azimuth"
    """Degrees around the object; a table without it is measured by leave-one-out."""
    polar_column: str = "polar"
    """Degrees from the top; with it the gap between two views is the angle between their viewing
    directions on the sphere."""
    min_gap: float = Field(default=45.0, ge=0, le=180)
    """A query does not find views of its own instance closer than this (degrees)."""
    min_gaps: tuple[float, ...] = ()
    """Several minimum gaps to measure retrieval at, beside the main one (degrees)."""
    gap_edges: tuple[float, ...] = GAP_EDGES
    """Bin edges of Recall@1 against the viewpoint gap (degrees)."""
    recall_at: tuple[int, ...] = (1, 5, 10)
    """The k of Recall@k."""
    ris_mode: Mode = "authors"
    """RIS as its authors' code computes it, or by the formulas of their paper."""
    ris_top: tuple[int, ...] = (10, 25)
    """The numbers of best units RIS averages over; those above the feature width are left out."""
    knn_k: int = Field(default=20, ge=1)
    """Neighbours that vote for a class."""
    knn_temperature: float = Field(default=0.07, gt=0)
    """A neighbour's vote weighs exp(cosine / temperature)."""
    bootstrap: int = Field(default=1000, ge=0)
    """Resamples of instances for the 95 % intervals; 0: no intervals."""
    permutations: int = Field(default=10_000, ge=0)
    """Of the paired tests of invariance between systems; 0: no tests."""
    backend: Literal["auto", "faiss", "torch"] = "auto"
    """Who searches; ranks do not depend on it."""
    seed: int = 0
    """Of the bootstrap and of the permutations."""
