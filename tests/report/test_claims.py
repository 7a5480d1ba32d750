"""Findings are judged by their interval over the seeds."""

import pytest

from vidcl.report.claims import Claim, claims_table, judge, summary, verdict


def test_a_finding_is_a_paired_difference():
    claims = (
        Claim("a beats b", "acc", "a", "b"),
        Claim("the part of a does not", "acc", "a:z1", "b", "7 (quoted)", floor=1.0),
        Claim("nobody ran c", "acc", "c", "b"),
    )
    measured = {
        "a": {"acc": [0.59, 0.60, 0.61], "acc z1": [0.4, 0.4, 0.4]},
        "b": {"acc": [0.5] * 3},
    }
    answers = judge(claims, measured)
    assert [answer["says"] for answer in answers] == ["a beats b", "the part of a does not"]
    # differences 9, 10, 11: half width t(2) * 1 / sqrt(3)
    assert answers[0]["difference"] == pytest.approx(10)
    assert answers[0]["interval"] == pytest.approx(4.303 / 3**0.5)
    assert [answer["held"] for answer in answers] == ["yes", "no"]
    table = claims_table(answers, str.upper)
    assert "| a beats b | - | 60.0 (A) against 50.0 (B) | +10.0 ± 2.5 | yes |" in table
    assert "| 7 (quoted) | 40.0 (A:Z1) against 50.0 (B) | -10.0 ± 0.0 | no |" in table
    assert summary(answers).startswith("Of 2 findings 1 held")


def test_verdicts():
    nan = float("nan")
    assert [verdict(2, half, 1) for half in (0.5, 1.5, nan)] == ["yes", "open", "one seed"]
    assert verdict(0, 0.5, 1) == "no"
    one = judge((Claim("x", "m", "a", "b"),), {"a": {"m": [1.0]}, "b": {"m": [0.0]}}, scale=1.0)
    assert one[0]["interval"] is None and one[0]["values"] == [1.0, 0.0]
    assert "nothing is judged" in summary(one)
