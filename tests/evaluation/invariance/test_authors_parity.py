"""Authors' mode against their script written anew from its description, one set and unit at a time.

Nothing of the package is used in it.
"""

from collections import defaultdict

import numpy as np
import pytest

from vidcl.evaluation.feature_file import ParquetFeatures
from vidcl.evaluation.invariance.ris import ris
from vidcl.evaluation.table import embedding_table, write_embeddings


def script(features, set_of_image, class_of_set, top):
    """Trajectories in a dictionary, thresholds by sorting, counts by loops."""
    trajectories = defaultdict(list)
    for image, name in enumerate(set_of_image):
        trajectories[name].append(image)
    labels = sorted(set(class_of_set.values()))
    images, units = len(features), len(features[0])
    index = min((1 - 1 / len(labels)) * 100, 95)
    at = int(images * index // 100)
    upper, lower, share = [], [], []
    for unit in range(units):
        values = sorted(features[image][unit] for image in range(images))
        upper.append(values[at])
        lower.append(values[::-1][at])
        share.append(len([value for value in values if value >= upper[unit]]) / images)
    local = {label: [[] for _ in range(units)] for label in labels}
    for name, members in trajectories.items():
        if len(members) < 3:
            continue
        for unit in range(units):
            plus = minus = 0
            for image in members:
                if features[image][unit] > upper[unit]:
                    plus += 1
                if features[image][unit] < lower[unit]:
                    minus += 1
            fired = plus if plus > minus else minus
            if fired:
                local[class_of_set[name]][unit].append(fired / len(members))
    answers = []
    for k in top:
        per_label = []
        for label in labels:
            ratios = []
            for unit in range(units):
                rates = local[label][unit]
                ratios.append((sum(rates) / len(rates) if rates else 0) / share[unit])
            ratios.sort()
            per_label.append(sum(ratios[-k:]) / k)
        answers.append(sum(per_label) / len(per_label) * (100 - index))
    return answers


# images per set (drawn from the list), classes, sets per class, units, kind of values
SHAPES = {
    "usual": ([4, 6, 9], 6, 3, 30, "normal"),
    "ties": ([4, 5], 5, 3, 28, "rounded"),
    "rectified": ([3, 8], 4, 4, 27, "rectified"),
    "constant units": ([5], 4, 2, 26, "constant"),
    "all units constant": ([4], 3, 2, 25, "all constant"),
    "sets of 2 are skipped": ([2, 3], 4, 5, 26, "normal"),
    "sets of 1 and 2 only in one class": ([1, 2, 3], 3, 1, 26, "normal"),
    "one class": ([5], 1, 6, 26, "normal"),
    "one class of one set": ([12], 1, 1, 26, "normal"),
    "two classes": ([6], 2, 3, 26, "normal"),
    "one set per class": ([7], 15, 1, 30, "normal"),
    "more than twenty classes": ([3, 4], 33, 1, 26, "normal"),
    "exactly twenty classes": ([5], 20, 1, 26, "rounded"),
    "double precision": ([6], 7, 2, 26, "double"),
    "negative zero": ([4], 5, 2, 26, "signed zeros"),
}


def make(shape, seed=0):
    sizes, classes, sets_per_class, units, kind = SHAPES[shape]
    generator = np.random.default_rng([seed, len(shape)])
    names, class_of_set = [], {}
    for k in range(classes * sets_per_class):
        # one set of the last class is always large enough to be measured
        size = max(sizes) if k == 0 else int(generator.choice(sizes))
        names += [f"set {k}"] * size
        class_of_set[f"set {k}"] = f"class {k % classes:02d}"
    generator.shuffle(names)
    features = generator.standard_normal((len(names), units)).astype(np.float32)
    if kind == "rounded":
        features = np.round(features)
    if kind == "rectified":
        features = np.maximum(features, 0)
    if kind == "constant":
        features[:, ::3] = 2.5
    if kind == "all constant":
        features[:] = -1
    if kind == "double":
        features = generator.standard_normal(features.shape)
    if kind == "signed zeros":
        features = np.where(features > 0, 0.0, -0.0).astype(np.float32)
        features[::4] = 1
    return features, np.array(names), class_of_set


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_the_script(shape):
    features, sets, class_of_set = make(shape)
    classes = np.array([class_of_set[name] for name in sets])
    expected = script(features.tolist(), sets.tolist(), class_of_set, (1, 10, 25))
    found = ris(features, sets, classes, (1, 10, 25))
    assert [found["ris@1"], found["ris@10"], found["ris@25"]] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shape", ["usual", "sets of 2 are skipped"])
def test_a_file_of_small_blocks_and_threads_give_the_same(shape, tmp_path):
    features, sets, class_of_set = make(shape)
    classes = np.array([class_of_set[name] for name in sets])
    path = tmp_path / "features.parquet"
    write_embeddings(embedding_table(features, {"set": sets, "class": classes}, {}), path)
    source = ParquetFeatures(path, block_bytes=7 * 4 * len(features))
    assert source.block_columns == 7
    from_file = ris(source, source.labels("set"), source.labels("class"), workers=3)
    assert from_file == ris(features, sets, classes)
