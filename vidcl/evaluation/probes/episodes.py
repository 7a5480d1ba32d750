"""Few-shot episodes: n classes, k support images of each, queries that show other instances."""

from dataclasses import dataclass

import numpy as np

from vidcl.errors import VidclError


@dataclass(frozen=True)
class Episodes:
    """What few-shot episodes are drawn from.

    Attributes:
        views: for every eligible class, for each of its instances, the rows int [V] showing it.
        names: of the eligible classes.
        left_out: names of the classes with too few instances or images.
    """

    views: list[list[np.ndarray]]
    names: np.ndarray
    left_out: list[str]

    def draw(
        self, ways: int, shots: int, queries: int, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """One episode: support rows int [ways, shots] and query rows int [ways, queries].

        Classes are drawn without repetition. Each support image shows another instance; the query
        images are drawn without repetition from the views of all instances that are in no support.
        """
        support = np.empty((ways, shots), np.int64)
        query = np.empty((ways, queries), np.int64)
        for way, number in enumerate(generator.permutation(len(self.views))[:ways]):
            instances = self.views[number]
            order = generator.permutation(len(instances))
            support[way] = [generator.choice(instances[k]) for k in order[:shots]]
            rest = np.concatenate([instances[k] for k in order[shots:]])
            query[way] = generator.choice(rest, size=queries, replace=False)
        return support, query


def prepare_episodes(
    labels: np.ndarray, groups: np.ndarray, ways: int, shots: int, queries: int
) -> Episodes:
    """Sort rows by class and instance and see which classes suffice.

    A class is eligible with more than ``shots`` instances and, whichever are taken for the
    support, at least ``queries`` views of the others.

    Args:
        labels, groups: [N]; an instance that shows two classes counts once in each.

    Raises:
        VidclError: sizes out of range, or fewer than ``ways`` classes are eligible.
    """
    if ways < 2 or shots < 1 or queries < 1:
        raise VidclError("Episodes need at least two ways, one shot and one query.")
    views, names, left_out = [], [], []
    for name in np.unique(labels):
        rows = np.flatnonzero(labels == name)
        instances = [rows[groups[rows] == one] for one in np.unique(groups[rows])]
        sizes = sorted(len(one) for one in instances)
        # The support may take the instances with the most views.
        if len(sizes) > shots and sum(sizes[: len(sizes) - shots]) >= queries:
            views.append(instances)
            names.append(name)
        else:
            left_out.append(str(name))
    if len(views) < ways:
        raise VidclError(
            f"Only {len(views)} of {len(views) + len(left_out)} classes have the instances for "
            f"{shots} shots and {queries} queries that show others, and {ways} ways need {ways}: "
            f"lower the shots, the queries or the ways."
        )
    return Episodes(views, np.asarray(names), left_out)
