"""Sources, segments, shards and the split: the same whoever asks, and stable as videos come."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.tracks.extraction.plan import (
    Plan,
    check_same,
    cut_segments,
    extend_plan,
    read_plan,
    write_plan,
)
from vidcl.tracks.extraction.sources import Source, list_sources
from vidcl.tracks.extraction.split import SplitRule, choose_rule, hash_share


@pytest.fixture
def folder(tmp_path) -> Path:
    root = tmp_path / "videos"
    for name in ("b.mp4", "a.MKV", "deep/er/c.mov", ".hidden.mp4", "notes.md", ".trash/d.mp4"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def names(sources: list[Source]) -> list[str]:
    return [source.name for source in sources]


def test_folders_files_globs_and_lists(folder, tmp_path):
    assert names(list_sources([folder])) == ["a.MKV", "b.mp4", "deep/er/c.mov"]
    assert names(list_sources([folder / "notes.md"])) == ["notes.md"]  # named: taken as it is
    assert names(list_sources([f"{folder}/**/*.mo[uv]"])) == ["deep/er/c.mov"]
    listing = tmp_path / "list.txt"
    listing.write_text("# two videos\nvideos/b.mp4\n\nvideos/deep/er/c.mov\nvideos/gone.mp4\n")
    found = list_sources([listing])
    assert names(found) == ["b.mp4", "deep/er/c.mov", "gone.mp4"]
    assert [source.size >= 0 for source in found] == [True, True, False]


def test_a_file_named_twice_counts_once(folder, tmp_path):
    link = tmp_path / "link.mp4"
    link.symlink_to(folder / "b.mp4")
    sources = list_sources([folder / "b.mp4", folder, link, f"{folder}/*.mp4"])
    assert names(sources) == ["a.MKV", "b.mp4", "deep/er/c.mov"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: [], "No sources"),
        (lambda d: [d / "gone"], "does not exist"),
        (lambda d: [d / "*.gone"], "matches no file"),
        (lambda d: ["s3://bucket/videos"], "remote"),
        (lambda d: [d / "empty"], "holds no file"),
        (lambda d: [d / "empty.txt"], "is empty"),
    ],
)
def test_sources_that_name_nothing(make, words, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n# nothing\n")
    with pytest.raises(VidclError, match=words):
        list_sources(make(tmp_path))


def fake(name: str, size: int = 1, root: str = "/v") -> Source:
    return Source(name, f"{root}/{name}", size, 5)


def plan_of(sources, plan=None, **options) -> Plan:
    plan = plan or Plan("video", {}, "b", SplitRule("videos", 0.0), {}, ())
    options = {"segment_seconds": 60.0, "segments_per_shard": 3, **options}
    return extend_plan(plan, sources, lambda paths: [(0.0, 150.0)] * len(paths), **options).plan


def test_long_videos_are_cut_evenly_and_open_at_both_ends():
    rule = SplitRule("videos", 0.0)
    cut = cut_segments("v", "s", (5.0, 150.0), rule, 60.0)
    assert [(s.start, s.end) for s in cut] == [(None, 55.0), (55.0, 105.0), (105.0, None)]
    for span in (None, (0.0, 0.0), (0.0, 1e12), (0.0, 80.0)):
        assert [(s.start, s.end) for s in cut_segments("v", "s", span, rule, 60.0)] == [
            (None, None)
        ]


def test_few_videos_hold_out_their_last_thirds():
    rule = choose_rule(["a", "b"])
    cut = cut_segments("v", "s", (0.0, 9.0), rule, 60.0)
    assert [(s.start, s.end, s.split) for s in cut] == [(None, 6.0, "train"), (6.0, None, "test")]
    assert [s.split for s in cut_segments("v", "s", None, rule, 60.0)] == ["train"]


def test_many_videos_hold_out_about_a_fifth_and_never_none():
    ids = [f"video {k}" for k in range(2000)]
    rule = choose_rule(ids)
    share = np.mean([rule.of_video(video_id) == "test" for video_id in ids])
    assert 0.17 < share < 0.23
    high = [video_id for video_id in ids if hash_share(video_id) > 0.5][:12]
    rule = choose_rule(high)
    assert [rule.of_video(video_id) for video_id in high].count("test") == 1


def test_shards_stay_and_new_videos_come_behind(tmp_path):
    first = plan_of([fake(f"{k}.mp4") for k in range(4)], segments_per_shard=5)
    assert [len(shard) for shard in first.shards] == [5, 5, 2]  # four videos of 2 + 1 pieces
    write_plan(tmp_path / "plan.json", first)
    again = read_plan(tmp_path / "plan.json")
    assert again == first
    more = plan_of([fake(f"{k}.mp4") for k in (2, 0, 7)], again)
    assert more.shards[:3] == first.shards and len(more.videos) == 5
    assert {s.video_id for shard in more.shards[3:] for s in shard} & set(first.videos) == set()
    assert plan_of([fake("7.mp4")], more) == more


def test_a_changed_file_is_named_and_planned_again_on_demand():
    plan = plan_of([fake("a.mp4"), fake("b.mp4")])
    changed = [fake("a.mp4", size=9), fake("b.mp4")]
    options = {"segment_seconds": 60.0, "segments_per_shard": 3}
    told = extend_plan(plan, changed, None, **options)
    assert told.changed == ("/v/a.mp4",) and told.plan == plan
    done = extend_plan(plan, changed, None, refresh=lambda video_id: True, **options).plan
    a, b = plan.videos
    assert [s.video_id for shard in done.shards for s in shard] == [b] * 3 + [a]
    assert [s for shard in done.shards for s in shard if s.video_id == b] == [
        s for shard in plan.shards for s in shard if s.video_id == b
    ]


def test_a_moved_folder_is_not_new(tmp_path):
    old, new = str(tmp_path / "old"), str(tmp_path / "new")
    plan = plan_of([fake("a.mp4", root=old)])
    moved = plan_of([fake("a.mp4", root=new)], plan)
    assert moved.shards == plan.shards
    assert [source.path for source in moved.videos.values()] == [f"{new}/a.mp4"]
    other = plan_of([fake("a.mp4", size=2, root=new)], plan)  # same name, another file
    assert len(other.videos) == 2


def test_one_name_in_two_folders_is_two_videos():
    plan = plan_of([fake("a.mp4", root="/x"), fake("a.mp4", root="/y")])
    assert len(plan.videos) == 2
    assert plan_of([fake("a.mp4", root="/y")], plan) == plan


def test_another_configuration_is_refused_by_the_name_of_the_field():
    plan = replace(plan_of([fake("a.mp4")]), settings={"crop": {"canvas": 160}, "x": 1})
    check_same(plan, "video", {"crop": {"canvas": 160}, "x": 1}, Path("s"))
    with pytest.raises(VidclError, match=r"crop\.canvas = 160, not 64"):
        check_same(plan, "video", {"crop": {"canvas": 64}, "x": 1}, Path("s"))
    with pytest.raises(VidclError, match="holds video tracks"):
        check_same(plan, "image", {}, Path("s"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"plan_version": 1}', "\x00"])
def test_a_file_that_is_no_plan(text, tmp_path):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(VidclError, match="not the plan of a track store"):
        read_plan(tmp_path / "plan.json")


def test_a_newer_plan_is_refused(tmp_path):
    (tmp_path / "plan.json").write_text('{"plan_version": 2}')
    with pytest.raises(VidclError, match="newer vidcl"):
        read_plan(tmp_path / "plan.json")


def test_the_current_folder_does_not_matter(folder, monkeypatch):
    absolute = list_sources([folder])
    monkeypatch.chdir(folder.parent)
    assert list_sources([os.path.relpath(folder)]) == absolute
