"""Settings of a measurement: everything that moves a number."""

from typing import Literal

from pydantic import Field

from vidcl.config import Config
from vidcl.evaluation.retrieval.cross_view import GAP_EDGES


class EvaluationConfig(Config):
    """Which columns mean what, and the constants of each measure."""

    instance_column: str = "instance"
    """The label that names the thing shown; a transformation set of RIS, a right answer of
    retrieval."""
    class_column: str = "class"
    """The label of k-NN and the condition of RIS. Neighbours of the same instance have no vote;
    where the instance column is this one, only the image itself has none. A table without it gets
    neither k-NN nor RIS conditioned on a class (then every instance is a class of its own)."""
    angle_column: str = "azimuth"
    """Degrees around the object; a table without it is measured by leave-one-out."""
    min_gap: float = Field(default=45.0, ge=0, le=180)
    """A query does not find views of its own instance closer than this (degrees)."""
    gap_edges: tuple[float, ...] = GAP_EDGES
    """Bin edges of Recall@1 against the viewpoint gap (degrees)."""
    recall_at: tuple[int, ...] = (1, 5)
    """The k of Recall@k."""
    ris_top: tuple[int, ...] = (10, 25)
    """The numbers of best units RIS averages over; those above the feature width are left out."""
    knn_k: int = Field(default=20, ge=1)
    """Neighbours that vote for a class."""
    knn_temperature: float = Field(default=0.07, gt=0)
    """A neighbour's vote weighs exp(cosine / temperature)."""
    bootstrap: int = Field(default=1000, ge=0)
    """Resamples of instances for the 95 % intervals; 0: no intervals."""
    backend: Literal["auto", "faiss", "torch"] = "auto"
    """Who searches; ranks do not depend on it."""
    seed: int = 0
    """Of the bootstrap."""
