"""Linear classification probe: multinomial logistic regression on frozen features by L-BFGS."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from vidcl.errors import VidclError
from vidcl.evaluation.probes.regression import check_matrix, feature_scale

#: The fit has converged when no entry of the loss's gradient is larger.
TOLERANCE = 1e-5
_HISTORY = 20


@dataclass(frozen=True)
class LogisticFit:
    """A fitted classifier.

    Attributes:
        classes: the C training labels, sorted.
        mean, spread: of the training features, float64 [D]; ``spread`` is infinite where constant.
        weights: float64 [D, C], on standardised features.
        bias: float64 [C].
        converged: no entry of the final gradient exceeds ``TOLERANCE``.
    """

    classes: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    converged: bool

    def predict(self, features: np.ndarray) -> np.ndarray:
        """The likeliest label of each row of features [N, D]; the first in order on a tie."""
        z = (np.asarray(features, np.float64) - self.mean) / self.spread
        return self.classes[(z @ self.weights + self.bias).argmax(1)]


def fit_logistic(
    features: np.ndarray, labels: np.ndarray, *, l2: float = 1e-4, iterations: int = 500
) -> LogisticFit:
    """Multinomial logistic regression, full batch, in float64, by L-BFGS with strong Wolfe steps.

    Features are standardised over the rows given. Minimises
    mean_n -log softmax(z_n W + b)[y_n] + l2 / 2 * |W|^2; the bias is not penalised. Starts at zero,
    so it draws nothing.

    Args:
        features: [N, D], finite.
        labels: [N], of any type that numpy can sort.
        l2: weight of the penalty, >= 0; with 0 and separable classes there is no minimum.
        iterations: most steps of L-BFGS, at least 1.

    Raises:
        VidclError: wrong shapes, no rows, values that are not finite, labels of a single class, or
            l2 or iterations out of range.
    """
    features, labels = np.asarray(features), np.asarray(labels)
    _check(features, labels, "training")
    if not l2 >= 0 or iterations < 1:
        raise VidclError(
            f"The linear probe needs l2 >= 0 and iterations >= 1, not {l2} and {iterations}."
        )
    classes, index = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise VidclError(
            f"All training labels are {classes[0]}: a linear probe needs at least two classes."
        )
    mean, spread = feature_scale(features)
    z = torch.from_numpy((features.astype(np.float64) - mean) / spread)
    wanted = torch.from_numpy(index.reshape(-1))
    weights = torch.zeros(z.shape[1], len(classes), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(classes), dtype=torch.float64, requires_grad=True)

    optimiser = torch.optim.LBFGS(
        [weights, bias],
        max_iter=iterations,
        max_eval=4 * iterations,
        tolerance_grad=TOLERANCE,
        tolerance_change=0.0,
        history_size=_HISTORY,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = cross_entropy(z @ weights + bias, wanted) + l2 / 2 * weights.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():  # a caller may be inside no_grad
        optimiser.step(closure)
        closure()  # the gradient where the search ended, not where it last looked
    assert weights.grad is not None and bias.grad is not None
    slope = max(float(weights.grad.abs().max()), float(bias.grad.abs().max()))
    return LogisticFit(
        classes,
        mean,
        spread,
        weights.detach().numpy(),
        bias.detach().numpy(),
        converged=slope <= TOLERANCE,
    )


def linear_probe(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
    *,
    l2: float = 1e-4,
    iterations: int = 500,
) -> dict[str, Any]:
    """Fit ``fit_logistic`` on the training rows and count its hits on the test rows.

    Args:
        train_features, test_features: [N, D] and [M, D].
        train_labels, test_labels: [N] and [M], of one type; a test label that no training row
            has counts as wrong.
        l2, iterations: as for ``fit_logistic``.

    Returns:
        ``accuracy`` in 0..1, ``chance`` (share of the largest class of the test rows), ``n`` (test
        rows) and ``converged``.

    Raises:
        VidclError: as ``fit_logistic``, or test features of another width or labels of another
            type.
    """
    test_features, test_labels = np.asarray(test_features), np.asarray(test_labels)
    _check(test_features, test_labels, "test")
    fit = fit_logistic(train_features, train_labels, l2=l2, iterations=iterations)
    if test_features.shape[1] != len(fit.mean):
        raise VidclError(
            f"Test features have {test_features.shape[1]} columns, training features "
            f"{len(fit.mean)}: embed both with one encoder."
        )
    if (fit.classes.dtype.kind in "US") != (test_labels.dtype.kind in "US"):
        raise VidclError("Training or test labels are text and the others are not: give one type.")
    _, counts = np.unique(test_labels, return_counts=True)
    return {
        "accuracy": float((fit.predict(test_features) == test_labels).mean()),
        "chance": float(counts.max() / len(test_labels)),
        "n": len(test_labels),
        "converged": fit.converged,
    }


def _check(features: np.ndarray, labels: np.ndarray, which: str) -> None:
    check_matrix(features, f"{which} features")
    if labels.shape != features.shape[:1]:
        raise VidclError(
            f"The {which} labels have shape {labels.shape} for {len(features)} rows of features: "
            f"give one label per row."
        )
