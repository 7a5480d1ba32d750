"""Features with a known structure."""

import numpy as np


def object_features(generator, *, sets, views, units, noise, classes=None, spread=1.0):
    """Each object has a point of its own and its views lie about it.

    Returns:
        Features float64 [sets * views, units], set numbers and class numbers [sets * views].
    """
    owner = np.repeat(np.arange(sets), views)
    group = owner if classes is None else owner % classes
    centres = spread * generator.standard_normal((sets, units))
    if classes is not None:
        centres += generator.standard_normal((classes, units))[np.arange(sets) % classes]
    features = centres[owner] + noise * generator.standard_normal((sets * views, units))
    return features, owner, group
