"""K-means on the vectors at all locations of feature maps."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from vidcl.errors import VidclError, require


@dataclass(frozen=True)
class LocationClusters:
    """A clustering of the locations of maps.

    Attributes:
        assignments: int64 [N, h, w] in 0..K-1, larger clusters first.
        centroids: float32 [K, C].
        inertia: sum of the squared distances of all locations to their centroids.
    """

    assignments: np.ndarray
    centroids: np.ndarray
    inertia: float

    @property
    def sizes(self) -> np.ndarray:
        """Locations in each cluster, int64 [K]."""
        return np.bincount(self.assignments.reshape(-1), minlength=len(self.centroids))


def cluster_locations(
    maps: np.ndarray, clusters: int, *, seed: int = 0, restarts: int = 5, iterations: int = 50
) -> LocationClusters:
    """K-means on the vectors of all locations of all images together (FAISS, on the CPU).

    Args:
        maps: float [N, h, w, C].
        clusters: K.
        seed: of the first centroids; equal seeds give equal clusters.
        restarts: k-means is run so often, and the run of the least inertia is kept.
        iterations: of each run.

    Raises:
        VidclError: there are fewer locations than clusters, or FAISS is absent.
    """
    points = np.ascontiguousarray(maps.reshape(-1, maps.shape[-1]), np.float32)
    if not 1 <= clusters <= len(points):
        raise VidclError(
            f"{len(points)} locations cannot form {clusters} clusters: ask for fewer clusters, or "
            "give more or larger images."
        )
    # After torch, whose OpenMP runtime must come first (faiss issue 4273).
    faiss: Any = require("faiss", "faiss-cpu")
    kmeans = faiss.Kmeans(
        points.shape[1],
        clusters,
        seed=seed,
        nredo=restarts,
        niter=iterations,
        gpu=False,
        min_points_per_centroid=1,  # it would warn below 39
        max_points_per_centroid=len(points),  # it would take a sample
    )
    kmeans.train(points)
    _, found = kmeans.assign(points)
    sizes = np.bincount(found, minlength=clusters)
    order = np.argsort(-sizes, kind="stable")
    number = np.empty(clusters, np.int64)
    number[order] = np.arange(clusters)
    # FAISS's distances are differences of large numbers, and too coarse to be summed
    inertia = sum(
        float(np.square(points[found == k] - kmeans.centroids[k]).sum(dtype=np.float64))
        for k in range(clusters)
    )
    assignments = number[found].reshape(maps.shape[:-1])
    return LocationClusters(assignments, kmeans.centroids[order], inertia)
