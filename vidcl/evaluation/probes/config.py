"""Settings of the probes: everything that moves a number."""

from typing import Literal

from pydantic import Field

from vidcl.config import Config

#: What the linear probe does to features first; see ``sweep.train_sweep``.
Normalisation = Literal["none", "l2", "standardise", "batchnorm"]
#: The linear probe's learning rates: half decades from DINOv2's smaller ones to MoCo's 30.
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
#: The probes by name, in reading order; each is a verb's ``--probes``.
ProbeName = Literal["knn", "linear", "logistic", "svm", "few-shot", "regression", "rotation"]


class ProbeConfig(Config):
    """Which columns mean what, and the settings of each probe."""

    class_column: str = "class"
    """The label of k-NN, linear, logistic, SVM and few-shot probes."""
    instance_column: str = "instance"
    """The thing shown. Splits, folds, episodes and bootstrap keep its views together; where the
    table has no such column, or it is the class column, every image is an instance."""
    target_prefix: str = "voc_"
    """Columns of this beginning hold 1 (shown), -1 (absent) or 0 (difficult) per class, for the
    SVM; without any the class column is taken, one class against the rest."""
    test_share: float = Field(default=0.3, gt=0, lt=1)
    """Of every class's instances, held out where one table is given; and for rotation."""
    knn_k: tuple[int, ...] = (10, 20, 100, 200)
    """Neighbours that vote (DINO's); those above the number of training rows are left out."""
    knn_temperature: float = Field(default=0.07, gt=0)
    """A neighbour's vote weighs exp(cosine / temperature)."""
    linear_rates: tuple[float, ...] = RATES
    """Learning rates of the sweep."""
    linear_decays: tuple[float, ...] = (0.0,)
    """Weight decays of the sweep."""
    linear_normalisations: tuple[Normalisation, ...] = ("none", "standardise")
    """What is done to the features; several are swept too."""
    linear_epochs: int = Field(default=30, ge=1)
    """Passes over the training rows."""
    linear_batch: int = Field(default=256, ge=2)
    """Rows per step."""
    linear_validation: float = Field(default=0.2, gt=0, lt=1)
    """Share of every class's training instances on which the sweep is judged."""
    logistic_l2: float = Field(default=1e-4, ge=0)
    """Penalty of the full-batch logistic regression; of rotation too."""
    svm_folds: int = Field(default=3, ge=2)
    """Folds on which a class's cost is chosen."""
    svm_difficult: Literal["left_out", "negative"] = "left_out"
    """Difficult examples in training; VISSL's code takes them for negatives."""
    ways: int = Field(default=5, ge=2)
    """Classes of a few-shot episode."""
    shots: tuple[int, ...] = (1, 5)
    """Support images per class."""
    queries: int = Field(default=15, ge=1)
    """Query images per class."""
    episodes: int = Field(default=600, ge=2)
    """Episodes per number of shots."""
    regression_columns: tuple[str, ...] = ()
    """Numeric labels to regress on; none: all that there are."""
    angle_columns: tuple[str, ...] = ("azimuth",)
    """Those in degrees around the circle, regressed on as sine and cosine."""
    bootstrap: int = Field(default=1000, ge=0)
    """Resamples of test instances for the 95 % intervals; 0: none (few-shot has its own)."""
    seed: int = 0
    """Of splits, batches, episodes and bootstrap."""
