"""Damage to the store's own files: the same command mends it, or says in one sentence what to do;
never a traceback, and never a store that differs without a word."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.hurt.mutate import MUTATIONS, cut_tail
from tests.hurt.running import ALONE, Ended, extract
from tests.hurt.stores import Whole, check_same


def run_on(whole: Whole, out: Path, folder: Path) -> Ended:
    """The same command: it ends well, or with one sentence."""
    ended = extract(folder, [whole.clips], out, *ALONE)
    assert ended.status in (0, 1), ended.error
    if ended.status == 1:
        ended.sentence()
    else:
        ended.check_quiet()
    return ended


def plan_of(store: Path) -> Path:
    (plan,) = store.glob("plan.*")
    return plan


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def scribble(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))


DAMAGES = {"cut": cut, "emptied": empty, "scribbled": scribble, "deleted": Path.unlink}


@pytest.fixture()
def copy(whole, tmp_path) -> Path:
    out = tmp_path / "store"
    shutil.copytree(whole.store, out)
    return out


@pytest.mark.parametrize(
    "damage", [cut, pytest.param(Path.unlink, marks=pytest.mark.full)], ids=["cut", "deleted"]
)
def test_what_can_be_made_again_is_mended(damage, whole, copy, tmp_path):
    for path in (
        copy / "videos.parquet",
        copy / "shards" / "shard-00001.json",
        copy / "shards" / "shard-00003.json",
    ):
        damage(path)
    if damage is Path.unlink:
        damage(copy / "shards" / "shard-00000.arrow")
    assert run_on(whole, copy, tmp_path / "run").status == 0
    check_same(copy, whole.store)


@pytest.mark.full
@pytest.mark.parametrize("damage", list(DAMAGES))
@pytest.mark.parametrize("name", ["videos.parquet", "shards/shard-00001.json", ".lock"])
def test_each_that_can_be_made_again_is_mended(name, damage, whole, copy, tmp_path):
    DAMAGES[damage](copy / name)
    assert run_on(whole, copy, tmp_path / "run").status == 0
    check_same(copy, whole.store)


@pytest.mark.parametrize("damage", [cut, pytest.param(empty, marks=pytest.mark.full)])
def test_a_damaged_shard_is_mended_or_named(damage: Callable[[Path], None], whole, copy, tmp_path):
    path = copy / "shards" / "shard-00002.arrow"
    damage(path)
    ended = run_on(whole, copy, tmp_path / "run")
    if ended.status == 1:
        assert path.name in ended.sentence() and "delete" in ended.sentence()
        path.unlink()
        assert run_on(whole, copy, tmp_path / "again").status == 0
    check_same(copy, whole.store)


@pytest.mark.parametrize("damage", [cut, pytest.param(empty, marks=pytest.mark.full)])
def test_a_damaged_plan_is_named_and_nothing_is_lost(damage, whole, copy, tmp_path):
    plan = plan_of(copy)
    damage(plan)
    ended = run_on(whole, copy, tmp_path / "run")
    assert ended.status == 1 and plan.name in ended.sentence()
    shutil.copy2(plan_of(whole.store), plan)
    check_same(copy, whole.store)
    assert run_on(whole, copy, tmp_path / "again").status == 0
    check_same(copy, whole.store)


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_a_mutated_plan_is_refused_or_still_right(whole, tmp_path):
    generator = np.random.default_rng(3)
    data = plan_of(whole.store).read_bytes()
    for number in range(44):
        folder = tmp_path / str(number)
        out = folder / "store"
        shutil.copytree(whole.store, out)
        mutation = MUTATIONS[number % len(MUTATIONS)]
        plan_of(out).write_bytes(mutation(data, data[::-1], generator))
        if run_on(whole, out, folder / "run").status == 1:
            shutil.copy2(plan_of(whole.store), plan_of(out))
        try:
            check_same(out, whole.store)
        except AssertionError as error:
            raise AssertionError(f"{number} {mutation.__name__}") from error


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_mutated_files_of_a_store_never_give_a_traceback(whole, tmp_path):
    """Any mutation of any file but the plan; with the files put back the store is as it was."""
    generator = np.random.default_rng(4)
    names = ["videos.parquet", "shards/shard-00001.json", "shards/shard-00002.arrow"]
    for number in range(44):
        folder = tmp_path / str(number)
        out = folder / "store"
        shutil.copytree(whole.store, out)
        path = out / names[number % len(names)]
        mutation = MUTATIONS[number % len(MUTATIONS)]
        data = path.read_bytes()
        path.write_bytes(mutation(data, data[::-1], generator))
        ended = run_on(whole, out, folder / "run")
        if path.suffix == ".json" and mutation is cut_tail:
            assert ended.status == 0
            check_same(out, whole.store)
        for name in names:
            shutil.copy2(whole.store / name, out / name)
        assert run_on(whole, out, folder / "again").status == 0
        check_same(out, whole.store)
