"""Which image belongs to which transformation set, and which set to which class."""

from dataclasses import dataclass

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.feature_file import Labels, as_labels


@dataclass(frozen=True)
class TransformationSets:
    """The sets that are measured, S of them, those of one class side by side."""

    names: np.ndarray
    """[S]."""
    sizes: np.ndarray
    """int64 [S], images per set."""
    class_of_set: np.ndarray
    """int64 [S], ascending, places in ``class_names``."""
    class_names: np.ndarray
    """[C], all classes, sorted as np.unique sorts them, those without a measured set too."""
    set_of_row: np.ndarray
    """int32 [N], each image's set; S for an image of a set that is left out."""
    skipped: int
    """Sets left out as too small."""

    @property
    def images(self) -> int:
        return len(self.set_of_row)

    @property
    def present(self) -> np.ndarray:
        """int64 [P], the classes that have a measured set."""
        return np.unique(self.class_of_set)

    @property
    def class_starts(self) -> np.ndarray:
        """int64 [P], the first set of each class in ``present``."""
        return np.unique(self.class_of_set, return_index=True)[1]

    @property
    def sets_per_class(self) -> np.ndarray:
        """int64 [P]."""
        return np.diff(np.append(self.class_starts, len(self.names)))

    def facts(self) -> dict[str, object]:
        """What moves a score: ``images``, ``classes``, ``sets``, ``sets_skipped``, ``set_size``
        [min, median, max]."""
        sizes = self.sizes
        return {
            "images": self.images,
            "classes": len(self.class_names),
            "sets": len(self.names),
            "sets_skipped": self.skipped,
            "set_size": [int(sizes.min()), float(np.median(sizes)), int(sizes.max())],
        }


def group_sets(
    set_ids: "np.ndarray | Labels", class_ids: "np.ndarray | Labels", minimum: int
) -> TransformationSets:
    """Sets of at least ``minimum`` images, ordered by class and then by name.

    Args:
        set_ids: [N], the transformation set of each image.
        class_ids: [N]; a set has the class of its first row.
        minimum: smaller sets are left out and counted.

    Raises:
        VidclError: no set has so many images.
    """
    sets, classes = as_labels(set_ids), as_labels(class_ids)
    count = len(sets.names)
    first_row = np.full(count, len(sets.codes))
    np.minimum.at(first_row, sets.codes, np.arange(len(sets.codes)))
    sizes = np.bincount(sets.codes, minlength=count)
    used = np.flatnonzero(sizes >= minimum)
    if len(used) == 0:
        raise VidclError(
            f"No set has {minimum} images or more, so invariance cannot be measured: give "
            f"more views per instance."
        )
    class_of_set = classes.codes[first_row[used]]
    order = np.argsort(class_of_set, kind="stable")
    used = used[order]
    place = np.full(count, len(used), np.int32)
    place[used] = np.arange(len(used))
    return TransformationSets(
        names=sets.names[used],
        sizes=sizes[used],
        class_of_set=class_of_set[order].astype(np.int64),
        class_names=classes.names,
        set_of_row=place[sets.codes],
        skipped=count - len(used),
    )
