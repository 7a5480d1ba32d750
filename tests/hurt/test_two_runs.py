"""Two runs on one store at once: the second is refused, and does not disturb the first."""

import pytest

from tests.hurt.running import LOCAL, RAY, Run, extract
from tests.hurt.stores import check_same, shards


@pytest.mark.parametrize(
    "options", [LOCAL, pytest.param(RAY, marks=pytest.mark.full)], ids=["local", "ray"]
)
def test_the_second_of_two_runs_is_refused_at_once(options, whole, tmp_path):
    out = tmp_path / "store"
    first = Run(tmp_path / "first", [whole.clips], out, *options)
    first.until(lambda: [*out.glob("plan.*")] or shards(out), "its plan")
    first.freeze()
    try:
        # as long as the first one stands still, the second cannot be waiting for it
        second = extract(tmp_path / "second", [whole.clips], out, *options)
    finally:
        first.thaw()
    assert second.status == 1
    assert f"Another extraction is at work on {out}" in second.sentence()
    ended = first.wait()
    assert ended.status == 0, ended.error
    check_same(out, whole.store)


@pytest.mark.full
def test_many_runs_at_once_leave_one_right_store(whole, tmp_path):
    """All start in one moment: those that come too late are refused, the store is right."""
    out = tmp_path / "store"
    runs = [Run(tmp_path / f"run{k}", [whole.clips], out, *LOCAL) for k in range(5)]
    ended = [run.wait() for run in runs]
    won = [run for run in ended if run.status == 0]
    assert won, [run.error for run in ended]
    for run in ended:
        assert run.status == 0 or "Another extraction is at work" in run.sentence(), run
    check_same(out, whole.store)
