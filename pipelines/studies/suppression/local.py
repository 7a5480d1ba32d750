"""Local features: does k-means on SimCLR's feature maps find letters that stand on one canvas?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from studies.section import Section
from studies.suppression.local_arms import (
    LocalConfig,
    canvas_path,
    draw,
    maps_of,
    training_of,
    untrained,
)
from studies.suppression.local_canvases import GROUND, Canvases
from studies.suppression.local_page import GRIDS, section
from vidcl.arms import run_arms
from vidcl.datasets.labelled import write_labelled_set
from vidcl.evaluation.local.clustering_scores import (
    adjusted_rand_index,
    normalised_mutual_information,
)
from vidcl.evaluation.local.location_clusters import cluster_locations
from vidcl.models.checkpoint import load_encoder
from vidcl.progress import Progress, show_progress
from vidcl.report.cluster_picture import cluster_picture
from vidcl.synthetic.glyph_strokes import LETTERS
from vidcl.training.loop import train

#: SimCLR, and what learns nothing.
ARMS = ("simclr", "random", "pixels")
#: Clusters of the picture, and of the score of foreground beside that of two.
CLUSTERS = 5
#: Canvases in the picture.
_SHOWN = 6
#: Of k-means: runs, and iterations of each.
_RESTARTS, _ITERATIONS = 3, 25


def run_local(out: Path, settings: LocalConfig, seeds: Sequence[int], workers: int) -> Section:
    """Train SimCLR on canvases of letters and score the clusters of its maps, an untrained
    network's and raw patches'.

    Args:
        out: the study's folder; a study that stopped goes on.
        workers: processes side by side.

    Raises:
        VidclError: ``out`` holds this part with other settings.
    """
    folder = out / "local"
    for seed in seeds:
        path = canvas_path(folder, seed)
        if not path.is_file():
            images = draw(settings, seed, "train").images
            write_labelled_set(path, "canvases", images, {"canvas": np.arange(len(images))})
    with show_progress("local features", unit="steps", every=60) as progress:
        measured = run_arms(
            folder, measure, ARMS, seeds, settings, workers=workers, progress=progress
        )
    return section(measured, seeds, settings, picture(folder, settings, seeds[0]))


def measure(
    arm: str, seed: int, settings: LocalConfig, folder: Path, progress: Progress | None = None
) -> Mapping[str, float]:
    """Scores of an arm's clusters by ``SCORE GRID``, as ``scores`` gives them."""
    encoder = None
    if arm == "simclr":
        run = train(
            training_of(seed, settings),
            canvas_path(folder.parents[2], seed),
            folder,
            resume="auto",
            progress=progress,
            say=lambda line: None,  # arms side by side would talk at once: see metrics.jsonl
        )
        encoder = load_encoder(run)
    elif arm == "random":
        encoder = untrained(seed, settings)
    tested = draw(settings, seed, "test")
    numbers: dict[str, float] = {}
    for grid, maps in maps_of(encoder, tested.images, settings):
        found = scores(maps, tested, seed)
        numbers |= {f"{score} {grid.name}": value for score, value in found.items()}
    return numbers


def scores(maps: np.ndarray, canvases: Canvases, seed: int) -> dict[str, float]:
    """How well clusters of locations agree with the truth.

    Args:
        maps: float32 [N, h, h, C].
        seed: of k-means and of the shuffle.

    Returns:
        ``ari``: adjusted Rand index of two clusters of all locations against letter or ground;
        ``ground``: normalised mutual information of five clusters with the same; ``letter``: of as
        many clusters as there are letters, of the locations at the letters' middles alone, with the
        letter; ``letter chance``: the same with the letters shuffled.
    """
    side = maps.shape[1]
    seen = canvases.at_locations(side) != GROUND

    def clusters(vectors: np.ndarray, count: int) -> np.ndarray:
        found = cluster_locations(
            vectors, count, seed=seed, restarts=_RESTARTS, iterations=_ITERATIONS
        )
        return found.assignments

    letters, vectors = at_middles(maps, canvases)
    by_letter = clusters(vectors[:, None, None], min(len(LETTERS), len(vectors))).reshape(-1)
    shuffled = np.random.default_rng(seed).permutation(letters)
    return {
        "ari": adjusted_rand_index(seen, clusters(maps, 2)),
        "ground": normalised_mutual_information(seen, clusters(maps, CLUSTERS)),
        "letter": normalised_mutual_information(letters, by_letter),
        "chance": normalised_mutual_information(shuffled, by_letter),
    }


def at_middles(maps: np.ndarray, canvases: Canvases) -> tuple[np.ndarray, np.ndarray]:
    """The letters of all canvases int64 [L] and the vectors at the middles of their quarters
    [L, C]."""
    side, letters = maps.shape[1], canvases.letter.numpy()
    rows, quarters = np.nonzero(letters != GROUND)
    y, x = (((2 * part + 1) * side // 4) for part in (quarters // 2, quarters % 2))
    return letters[rows, quarters], maps[rows, y, x]


def picture(folder: Path, settings: LocalConfig, seed: int) -> bytes:
    """PNG: some tested canvases, the truth, and every arm's clusters on the finest grid of each
    layer."""
    tested = draw(settings, seed, "test")
    encoders = {
        "SimCLR": load_encoder(folder / "runs" / "simclr" / f"seed-{seed}"),
        "random": untrained(seed, settings),
        "raw": None,
    }
    finest = {grid.layer: grid for grid in GRIDS}
    columns: dict[str, np.ndarray] = {}
    for title, encoder in encoders.items():
        for grid, maps in maps_of(encoder, tested.images, settings):
            if grid == finest[grid.layer]:
                what = f"{grid.stride} px" if encoder is None else grid.name
                found = cluster_locations(maps, CLUSTERS, seed=seed)
                columns[f"{title}, {what}"] = found.assignments[:_SHOWN]
    side = settings.size // 4
    truth = {"truth": tested.at_locations(side)[:_SHOWN] - GROUND}
    return cluster_picture(tested.images[:_SHOWN], truth | columns, side=112)
