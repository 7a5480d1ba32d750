"""Few-shot probe: accuracy over many episodes, by class means and by logistic regression."""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.probes.entry import probe_entry
from vidcl.evaluation.probes.episodes import prepare_episodes
from vidcl.evaluation.probes.regression import check_matrix

#: Logistic regression has converged when its objective is certified this close, relatively.
TOLERANCE = 1e-9
MOST_STEPS = 5000
#: Episodes at a time hold about so many feature values, in float64: 64 MiB.
BLOCK_VALUES = 1 << 23
Classifier = Literal["mean", "logistic"]


def few_shot_probe(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    episodes: int = 600,
    cost: float = 1.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Accuracy of n-way k-shot classification, no instance on both sides of an episode.

    Features are brought to length one. ``mean``: the class whose support mean is nearest (Snell et
    al. 2017; Wang et al. 2019 without centring). ``logistic``: multinomial logistic regression on
    the support, |W|^2 / 2 + cost * sum of cross-entropies, without intercept (classes are
    balanced). Ties go to the class drawn first. Episodes and queries are shared by both.

    Args:
        features: [N, D], finite.
        labels: [N].
        groups: [N], instances; each row is one by default.
        queries: per class.
        cost: of the logistic regression, > 0, as scikit-learn's C.

    Returns:
        Entries ``few-shot mean`` and ``few-shot logistic``: mean accuracy over episodes, its
        interval mean -+ 1.96 std / sqrt(episodes), chance 1 / ways.

    Raises:
        VidclError: shapes, values that are not finite, too few classes or instances, or settings
            out of range.
    """
    features, labels = np.asarray(features), np.asarray(labels)
    check_matrix(features, "features")
    if labels.shape != features.shape[:1]:
        raise VidclError(f"There are {len(features)} features for labels {labels.shape}: match.")
    if episodes < 2 or not cost > 0:
        raise VidclError("The few-shot probe needs at least two episodes and a cost above 0.")
    own = np.arange(len(labels)) if groups is None else np.asarray(groups)
    source = prepare_episodes(labels, own, ways, shots, queries)
    wide = features.astype(np.float64)
    unit = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    generator = np.random.default_rng(seed)
    right: dict[Classifier, list[np.ndarray]] = {"mean": [], "logistic": []}
    block = max(1, BLOCK_VALUES // (ways * (shots + queries) * features.shape[1]))
    done = 0
    while done < episodes:
        drawn = [
            source.draw(ways, shots, queries, generator) for _ in range(min(block, episodes - done))
        ]
        support = unit[np.stack([one for one, _ in drawn])]  # [E, ways, shots, D]
        query = unit[np.stack([two for _, two in drawn])]
        truth = np.arange(ways)[:, None]
        right["mean"].append((nearest_mean(support, query) == truth).mean((1, 2)))
        right["logistic"].append((logistic(support, query, cost) == truth).mean((1, 2)))
        done += len(drawn)
        if progress is not None:
            progress(done, episodes)
    settings = {
        "ways": ways,
        "shots": shots,
        "queries_per_class": queries,
        "episodes": episodes,
        "normalisation": "l2",
        "support": "one view each of so many instances",
        "query": "views of other instances",
        "classes": len(source.names),
        "classes_left_out": source.left_out,
        "rows": len(labels),
        "seed": seed,
    }
    told: dict[Classifier, dict[str, Any]] = {
        "mean": {"distance": "euclidean"},
        "logistic": {"cost": cost, "intercept": False, "tolerance": TOLERANCE},
    }
    entries = []
    for name, parts in right.items():
        accuracy = np.concatenate(parts)
        half = 1.96 * accuracy.std(ddof=1) / math.sqrt(episodes)
        entries.append(
            probe_entry(
                f"few-shot {name}",
                f"accuracy {ways}-way {shots}-shot",
                accuracy.mean(),
                interval=[accuracy.mean() - half, accuracy.mean() + half],
                chance=1 / ways,
                settings=settings | told[name],
            )
        )
    return entries


def nearest_mean(support: np.ndarray, query: np.ndarray) -> np.ndarray:
    """The nearest class mean int [E, W, Q], for support [E, W, K, D] and query [E, W, Q, D]."""
    means = support.mean(2)
    # |q - m|^2 without |q|^2, which all classes share.
    inner = np.einsum("ewqd,ecd->ewqc", query, means, optimize=True)
    return ((means**2).sum(2)[:, None, None] - 2 * inner).argmin(3)


def logistic(support: np.ndarray, query: np.ndarray, cost: float) -> np.ndarray:
    """Classes int [E, W, Q] by logistic regression, all episodes at once.

    Weights are W = Z' A over the support Z, so only inner products are needed. The objective is
    1-strongly convex, so |grad|^2 / 2 bounds what is left; Nesterov's constant momentum for its
    condition number.
    """
    episodes, ways, shots, dim = support.shape
    z = support.reshape(episodes, ways * shots, dim)
    q = query.reshape(episodes, -1, dim)
    kernel = z @ z.transpose(0, 2, 1)
    truth = np.repeat(np.eye(ways), shots, axis=0)
    # The softmax's Hessian is at most 1/2; an episode's largest eigenvalue is at most its trace.
    steep = 1 + cost / 2 * np.linalg.eigvalsh(kernel)[:, -1]
    momentum = ((np.sqrt(steep) - 1) / (np.sqrt(steep) + 1))[:, None, None]
    dual = np.zeros((episodes, ways * shots, ways))
    ahead = dual
    for _ in range(MOST_STEPS):
        logits = kernel @ ahead
        top = logits.max(2, keepdims=True)
        odds = np.exp(logits - top)
        total = odds.sum(2, keepdims=True)
        slope = ahead + cost * (odds / total - truth)
        left = (slope * (kernel @ slope)).sum((1, 2)) / 2
        loss = cost * (np.log(total) + top - (logits * truth).sum(2, keepdims=True)).sum((1, 2))
        if (left <= TOLERANCE * (loss + (ahead * logits).sum((1, 2)) / 2)).all():
            scores = q @ z.transpose(0, 2, 1) @ ahead
            return scores.argmax(2).reshape(query.shape[:3])
        fresh = ahead - slope / steep[:, None, None]
        ahead = fresh + momentum * (fresh - dual)
        dual = fresh
    raise VidclError(
        f"Few-shot logistic regression did not converge in {MOST_STEPS} steps: lower its cost."
    )
