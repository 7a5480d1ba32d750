"""Chart geometry: ticks cover the data, points lie inside the box, labels do not overlap."""

import numpy as np
import pytest

from vidcl.report.charts import (
    LABEL_SPACING,
    Series,
    line_chart,
    nice_ticks,
    number_text,
    shortened,
    thin,
)


@pytest.mark.parametrize("bounds", [(0, 1), (0, 97.3), (3.1, 7.6), (0, 0), (-2, 1e-3), (0, 12345)])
def test_ticks_are_even_and_cover(bounds):
    ticks = nice_ticks(*bounds)
    assert ticks[0] <= bounds[0] and ticks[-1] >= bounds[1]
    assert np.allclose(np.diff(ticks), ticks[1] - ticks[0])
    assert 2 <= len(ticks) <= 8


def test_points_map_to_the_box():
    chart = line_chart(
        [Series("a", "accent", [(0, 0), (10, 50)]), Series("b", "control", [(0, 100), (10, 0)])],
        x_label="x",
        y_label="y",
    )
    by_name = {line["name"]: line for line in chart["lines"]}
    assert by_name["a"]["path"] == f"{chart['left']}.0,{chart['bottom']}.0 {chart['right']}.0,129.0"
    assert by_name["b"]["path"].startswith(f"{chart['left']}.0,{chart['top']}.0 ")
    assert chart["lines"][-1]["name"] == "a"  # the accent is drawn on top


def test_labels_keep_apart_and_inside():
    lines = [Series(f"s{k}", "trained", [(0, 1), (1, 0.0)]) for k in range(12)]
    chart = line_chart(lines, x_label="x", y_label="y")
    places = sorted(line["label_y"] for line in chart["lines"])
    assert min(np.diff(places)) >= LABEL_SPACING - 0.2
    assert places[0] >= chart["top"] and places[-1] <= chart["bottom"]


def test_no_points_no_chart():
    assert line_chart([Series("a", "trained", [])], x_label="x", y_label="y") is None
    assert line_chart([Series("a", "trained", [(3, 5)])], x_label="x", y_label="y") is not None


def test_thinning_keeps_means():
    points = [(float(k), float(k % 2)) for k in range(1000)]
    few = thin(points, 100)
    assert len(few) == 100 and few[0] == (4.5, 0.5)
    assert thin(points[:5], 100) == points[:5]


def test_number_text():
    assert [number_text(v) for v in (0.25, 100.0, 12000.0)] == ["0.25", "100", "12k"]


def test_a_band_reaches_from_its_lower_to_its_upper_bounds():
    line = Series("a", "accent", [(0, 50), (10, 60)], bounds=[(40, 55), (50, 100)])
    same = Series("b", "control", [(0, 50), (10, 60)], spread=[10, 10])
    chart = line_chart([line, same], x_label="x", y_label="y")

    def up(y):
        return chart["bottom"] - y / 100 * (chart["bottom"] - chart["top"])

    left, right = chart["left"], chart["right"]
    bands = {drawn["name"]: drawn["band"] for drawn in chart["lines"]}
    for name, corners in (("a", (55, 100, 50, 40)), ("b", (60, 70, 50, 40))):
        xs = (left, right, right, left)
        wanted = " ".join(f"{x:.1f},{up(y):.1f}" for x, y in zip(xs, corners, strict=True))
        assert bands[name] == wanted


def test_many_names_make_a_chart_higher():
    lines = [Series(f"s{k}", "trained", [(0, k), (1, 0.0)]) for k in range(40)]
    chart = line_chart(lines, x_label="x", y_label="y", size=(300, 200))
    assert chart["width"] == 300 and chart["height"] > 40 * LABEL_SPACING
    places = sorted(line["label_y"] for line in chart["lines"])
    assert min(np.diff(places)) >= LABEL_SPACING - 0.2
    assert places[0] >= chart["top"] - 1 and places[-1] <= chart["bottom"]


def test_a_long_name_keeps_both_ends():
    assert shortened("short", 17) == "short"
    name = shortened("runs/2026/region_track", 17)
    assert len(name) == 17 and name.startswith("runs/") and name.endswith("_track")
    assert shortened("some-folder/moco", 9) != shortened("some-folder/loco", 9)
