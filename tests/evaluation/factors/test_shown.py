"""What a person looks at: sheet, tables and pictures."""

import csv
import io

import numpy as np
from PIL import Image

from tests.evaluation.factors.pictures import hill
from vidcl.evaluation.factors.picture import curves_picture
from vidcl.evaluation.factors.sheet import GAP, LINE, MARGIN, SIDE, contact_sheet
from vidcl.evaluation.factors.transform import transform
from vidcl.evaluation.factors.words import areas_table, curves_csv, curves_table


def curve(value: float, interval: list[float] | None) -> dict:
    low, high = interval or (None, None)
    return {
        "measure": "what is kept",
        "points": [[0, 1.0, *((1.0, 1.0) if interval else (None, None))], [3, value, low, high]],
        "chance": 0.25,
        "auc": value,
        "auc_interval": interval,
    }


def results() -> dict:
    def values(value, interval):
        curves = {"blur": curve(value, interval), "crop": curve(value / 2, interval)}
        return {"a": {"images": 9, "factor_curves": curves}, "b": {"factor_curves": curves}}

    return {
        "sets": {"a": {}, "b": {}},
        "systems": [
            {"name": "net", "kind": "trained", "sets": values(0.75, [0.7, 0.8])},
            {"name": "pixels", "kind": "control", "sets": values(0.5, None)},
        ],
    }


def test_table_has_a_row_per_factor_and_encoder():
    lines = curves_table(results(), "a", "factor_curves").splitlines()
    assert lines[0] == (
        "a: similarity kept, per cent (100: nothing moves, 0: as far as another image), by severity"
    )
    assert [line.split() for line in lines[3:]] == [
        ["blur", "net", "100.0", "75.0", "75.0", "±", "5.0"],
        ["pixels", "100.0", "50.0", "50.0"],
        ["crop", "net", "100.0", "37.5", "37.5", "±", "5.0"],
        ["pixels", "100.0", "25.0", "25.0"],
    ]
    areas = areas_table(results(), "b", "factor_curves").splitlines()
    assert [line.split() for line in areas[3:]] == [
        ["net", "100.0", "75.0", "37.5"],
        ["pixels", "100.0", "50.0", "25.0"],
    ]
    assert curves_table(results(), "a", "factor_curves_knn") == ""
    assert areas_table(results(), "a", "factor_curves_knn") == ""


def test_csv_has_points_and_areas():
    rows = list(csv.DictReader(io.StringIO(curves_csv(results()))))
    found = {(row["set"], row["system"], row["metric"]): row for row in rows}
    point = found["a", "net", "curve blur 3"]
    assert [float(point[key]) for key in ("value", "low", "high")] == [0.75, 0.7, 0.8]
    area = found["b", "net", "auc crop"]
    assert [float(area[key]) for key in ("value", "low", "high")] == [0.375, 0.7, 0.8]
    assert found["a", "pixels", "auc crop"]["low"] == ""


def test_picture_is_taller_with_more_sets_and_none_without_curves():
    both = Image.open(io.BytesIO(curves_picture(results(), "factor_curves")))
    alone = results()
    del alone["sets"]["b"]
    one = Image.open(io.BytesIO(curves_picture(alone, "factor_curves")))
    assert both.width == one.width and both.height > 1.5 * one.height
    assert len(np.unique(np.asarray(one.convert("RGB")).reshape(-1, 3), axis=0)) > 50
    assert curves_picture(results(), "factor_curves_knn") == b""


def test_sheet_shows_each_change_in_its_place():
    image = hill()  # 48 x 64, shown at twice its size
    sheet = contact_sheet(image, 1, factors=("crop", "noise"), severities=(0, 4))
    assert sheet.shape[1] == MARGIN + 2 * (SIDE + GAP)
    for row, factor in enumerate(("crop", "noise")):
        for column, severity in enumerate((0, 4)):
            top = LINE + GAP + row * (96 + LINE + GAP)
            left = MARGIN + column * (SIDE + GAP)
            shown = sheet[top : top + 96 : 2, left : left + SIDE : 2]
            assert np.array_equal(shown, transform(image, factor, severity, 1))
