"""Run folders for the tests of the page: results with everything in them, galleries, logs."""

import json

import numpy as np

from vidcl.evaluation.galleries import pack_gallery, write_galleries

#: What a file name or a label may hold at worst.
HOSTILE = (
    "</script><script>window.owned=1</script>",
    "<img src=x onerror=window.owned=1>",
    "'\"` onload=window.owned=1 {{7*7}}",
    "line\u2028separator & \u202eright to left",
    "<!--<script>",
)
SYSTEMS = ("moco", "region_track", "raw pixels", "i.i.d. features")


def cloudy_images(count, side, generator):
    """uint8 [count, side, side, 3] with a falling spectrum, as heavy to store as photographs."""
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = np.inf
    noise = generator.standard_normal((count, 3, side, side))
    shaped = np.fft.irfft2(np.fft.rfft2(noise) / frequency**1.6, s=(side, side))
    shaped += 0.8 * shaped.mean(axis=1, keepdims=True)
    shaped *= 55 / shaped.std(axis=(1, 2, 3), keepdims=True)
    return np.clip(shaped + 120, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def results(seed=0, names=SYSTEMS, sets=("wild", "viewpoint"), **top):
    """Everything that the page knows to show, with numbers drawn at random."""
    generator = np.random.default_rng(seed)

    def number(low=0.0, high=1.0):
        return float(generator.uniform(low, high))

    def with_interval(name, low=0.0, high=1.0):
        value = number(low, high)
        half = (high - low) / 20
        return {name: value, f"{name}_interval": [value - half, value + half]}

    def measured():
        values = {}
        for name in ("recall@1", "recall@5", "recall@10", "map", "map@r", "r_precision", "knn"):
            values |= with_interval(name)
        for name in ("ris@10", "ris@25"):
            values |= with_interval(name, 20, 80)
        return {
            **values,
            **with_interval("whitened_cosine", -0.2, 0.9),
            **with_interval("whitened_distance", 0.1, 0.9),
            "gap_curve": [[11.25, number(), 90], [90.0, number(), 80], [170.0, number(), 70]],
            "gaps": [
                {"min_gap": gap, "n": 90, **with_interval("recall@1"), **with_interval("map")}
                for gap in (0.0, 45.0, 90.0)
            ],
            "ris_mode": "authors",
            "ris_classes": ["chair", "truck"],
            "ris_per_class@10": [number(20, 80), number(20, 80)],
            "ris_per_factor@10": {"azimuth": number(20, 80), "light": number(20, 80)},
            "factor_curves": {
                factor: {
                    "measure": measure,
                    "points": [
                        [step, value := number(0.2, 0.9), value - 0.05, value + 0.05]
                        for step in range(6)
                    ],
                    **{"chance": chance, "auc": number(), "auc_interval": [0.1, 0.2]},
                }
                for factor, measure, chance in (
                    ("blur", "share kept", 0.1),
                    ("crop", "share kept", None),
                )
            },
            "probes": [
                {
                    "probe": "linear",
                    "metric": "accuracy",
                    **{"value": number(), "interval": [0.2, 0.4], "chance": 0.25},
                    "settings": {"epochs": 10},
                },
                {
                    "probe": "regression",
                    "metric": "r2",
                    **{"value": number(), "interval": None, "chance": None, "settings": {}},
                },
            ],
            **{"n": 90, "n_excluded": 6, "gallery": 96, "min_gap": 45.0, "sets": 12},
            **{"classes": 2, "set_size": [8, 8.0, 8]},
        }

    return {
        "title": "A title",
        "settings": {"evaluation": {"knn_k": 20, "seed": seed}, "kept": True},
        "sets": {name: {"images": 96, "content_hash": f"hash of {name}"} for name in sets},
        "systems": [
            {
                "name": name,
                "kind": "control" if name in SYSTEMS[2:] else "trained",
                "run": None,
                "sets": {set_name: measured() for set_name in sets},
            }
            for name in names
        ],
        "comparisons": [
            {
                **{"set": sets[0], "metric": "ris@10", "a": names[1], "b": names[0]},
                **{
                    "difference": number(-9, 9),
                    "p": 0.0123,
                    "p_holm": 0.0246,
                    "unit": "object",
                    "n": 12,
                },
                "permutations": 9999,
            }
        ],
        "warnings": ["Scores of “wild” were measured on sets of other sizes."],
        "timings": {"embed": 3.0},
        **top,
    }


def gallery(name, systems, *, labels, seed=0, neighbours=10, images=None, queries=None, **more):
    """A gallery whose answers are drawn at random; one in three repeats the query's label."""
    generator = np.random.default_rng(seed)
    labels = np.asarray(labels)
    count = len(labels)
    if images is None:
        images = cloudy_images(count, 16, np.random.default_rng(0))
    queries = np.arange(count) if queries is None else np.asarray(queries)
    answers = {}
    for system in systems:
        found = generator.integers(0, count, (len(queries), neighbours))
        twins = np.roll(np.argsort(labels, kind="stable"), 1)[np.argsort(np.argsort(labels))]
        again = generator.random(found.shape) < 0.1
        found = np.where(again, twins[queries][:, None], found)
        scores = -np.sort(-generator.uniform(-0.2, 1, found.shape), axis=1)
        answers[system] = (found, scores)
    more = {"protocol": "all other images in the gallery"} | more
    return pack_gallery(name, images, labels, queries, answers, **more)


def write_folder(folder, measured=None, galleries=(), runs=()):
    """A run folder of these parts; ``runs`` are (name, configuration text, log lines)."""
    folder.mkdir(parents=True, exist_ok=True)
    if measured is not None:
        (folder / "results.json").write_text(json.dumps(measured))
    if galleries:
        write_galleries(list(galleries), folder)
    for name, config, lines in runs:
        run = folder / "runs" / name if name else folder
        run.mkdir(parents=True, exist_ok=True)
        (run / "config.yaml").write_text(config)
        (run / "metrics.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    return folder
