"""Chart geometry: ticks cover the data, points lie inside the box, labels do not overlap."""

import numpy as np
import pytest

from vidcl.report.charts import LABEL_SPACING, Series, line_chart, nice_ticks, number_text, thin


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
