"""The measures of a ranking as one would write them down: sort everything, walk the list."""

import math

import numpy as np


def slow_scores(features):
    """Cosines in double precision as whole multiples of 2^-30."""
    rows = np.asarray(features, dtype=np.float64).tolist()
    unit = []
    for row in rows:
        norm = math.sqrt(sum(v * v for v in row)) or 1.0
        unit.append([v / norm for v in row])
    return [
        [round(sum(x * y for x, y in zip(a, b, strict=True)) * 2**30) for b in unit] for a in unit
    ]


def slow_sphere_gap(azimuth, polar, other_azimuth, other_polar):
    """By the law of cosines."""
    a, b = math.radians(polar), math.radians(other_polar)
    turn = math.radians(azimuth - other_azimuth)
    cosine = math.cos(a) * math.cos(b) + math.sin(a) * math.sin(b) * math.cos(turn)
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))


def slow_metrics(scores, instances, asks, answers, away, gap, min_gap, k):
    """Every measure over the queries that have a right answer.

    ``away`` [N]: distractors. ``gap(a, b)``: between two rows.
    """
    values = {f"recall@{count}": [] for count in k} | {"map": [], "map@r": [], "r_precision": []}
    counted = excluded = 0
    for q in range(len(instances)):
        if not asks[q] or away[q]:
            continue
        gallery = []
        for g in range(len(instances)):
            if g == q or not (answers[g] or away[g]):
                continue
            same = not away[g] and instances[g] == instances[q]
            if same and gap(q, g) < min_gap:
                continue
            gallery.append((g, same))
        gallery.sort(key=lambda entry, q=q: (-scores[q][entry[0]], entry[0]))
        right = [same for _, same in gallery]
        total = sum(right)
        if not total:
            excluded += 1
            continue
        counted += 1
        precision = [sum(right[: rank + 1]) / (rank + 1) for rank in range(len(right))]
        for count in k:
            values[f"recall@{count}"].append(float(any(right[:count])))
        hits = [rank for rank in range(len(right)) if right[rank]]
        values["map"].append(sum(precision[rank] for rank in hits) / total)
        values["map@r"].append(sum(precision[rank] for rank in hits if rank < total) / total)
        values["r_precision"].append(sum(right[:total]) / total)
    means = {name: sum(found) / len(found) for name, found in values.items() if found}
    return means | {"n": counted, "n_excluded": excluded}


def problem(seed, kind="plain", count=64):
    """Features float32 [N, 10], instances (one of them alone), azimuths and polar angles."""
    generator = np.random.default_rng(seed)
    index = generator.integers(0, 8, count)
    index[0] = 99
    features = generator.standard_normal((count, 10)).astype(np.float32)
    features += (generator.standard_normal((100, 10)) * 0.6).astype(np.float32)[index]
    if kind == "ties":
        features = np.sign(features[:, :3])
        features[5] = 0
    if kind == "copies":
        features[count // 2 :] = features[: count - count // 2] * 3
    if kind == "collapsed":
        features = features * 1e-7 + 1
    azimuth = generator.choice(np.arange(0, 360, 22.5), count)
    polar = generator.choice([30.0, 50.0, 90.0, 140.0], count)
    return features, np.array([f"i{k}" for k in index]), azimuth, polar
