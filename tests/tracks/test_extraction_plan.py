"""Segments, shards and the split: the same whoever asks, and stable as videos come."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from vidcl.errors import VidclError
from vidcl.tracks.extraction.extend import extend_plan
from vidcl.tracks.extraction.plan import Plan
from vidcl.tracks.extraction.plan_file import (
    old_plan_path,
    plan_path,
    read_outline,
    read_plan,
    write_plan,
)
from vidcl.tracks.extraction.same_settings import check_same
from vidcl.tracks.extraction.segments import Segment, cut_segments
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.extraction.split import SplitRule, choose_rule, hash_share

OPTIONS = {"segment_seconds": 60.0, "segments_per_shard": 3}


def fake(name: str, size: int = 1, root: str = "/v") -> Source:
    return Source(name, f"{root}/{name}", size, 5)


def plan_of(sources, plan=None, **options) -> Plan:
    plan = plan or Plan.empty("video", {"a": [1, None]}, "b")
    options = {**OPTIONS, **options}
    return extend_plan(plan, sources, lambda files: [(0.0, 150.0)] * len(files), **options).plan


def shards(plan: Plan) -> list[list[Segment]]:
    return [[segment for segment, _ in plan.shard(k)] for k in range(plan.shard_count)]


def paths(plan: Plan) -> list[str]:
    return plan.videos["path"].to_pylist()


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


def test_a_plan_is_that_of_cutting_each_video_in_turn():
    """Against the slow way: a list of segments, cut into shards."""
    files = [fake(f"{k:02d}.mp4", size=k) for k in range(12)]
    spans = [None if k % 5 == 0 else (0.5 * k, 40.0 * k) for k in range(12)]
    plan = extend_plan(Plan.empty("video", {}, "b"), files, lambda _: iter(spans), **OPTIONS).plan
    ids = plan.videos["video_id"].to_pylist()
    assert len(set(ids)) == 12 and plan.split == choose_rule(ids)
    cut = [
        (segment, file)
        for video_id, file, span in zip(ids, files, spans, strict=True)
        for segment in cut_segments(video_id, file.stamp, span, plan.split, 60.0)
    ]
    expected = [tuple(cut[at : at + 3]) for at in range(0, len(cut), 3)]
    assert [plan.shard(k) for k in range(plan.shard_count)] == expected
    assert plan.keys(1) == [segment.key for segment, _ in expected[1]]
    assert plan.sizes.tolist() == [len(shard) for shard in expected]
    assert {s.split for shard in shards(plan) for s in shard} == {"train", "test"}
    with pytest.raises(IndexError):
        plan.shard(plan.shard_count)


def test_shards_stay_and_new_videos_come_behind(tmp_path):
    first = plan_of([fake(f"{k}.mp4") for k in range(4)], segments_per_shard=5)
    assert first.sizes.tolist() == [5, 5, 2]  # four videos of 2 + 1 pieces
    write_plan(tmp_path, first)
    again = read_plan(tmp_path)
    assert again == first
    more = plan_of([fake(f"{k}.mp4") for k in (2, 0, 7)], again)
    assert shards(more)[:3] == shards(first) and more.video_count == 5
    new = {s.video_id for shard in shards(more)[3:] for s in shard}
    assert new == {more.videos["video_id"][4].as_py()}
    assert plan_of([fake("7.mp4")], more) is more  # nothing to write


def test_a_changed_file_is_named_and_planned_again_on_demand(tmp_path):
    plan = plan_of([fake("a.mp4"), fake("b.mp4")])
    changed = [fake("a.mp4", size=9), fake("b.mp4")]
    told = extend_plan(plan, changed, None, **OPTIONS)
    assert told.changed == ("/v/a.mp4",) and told.plan is plan
    done = extend_plan(plan, changed, None, refresh=lambda video_id: True, **OPTIONS).plan
    a, b = plan.videos["video_id"].to_pylist()
    assert [s.video_id for shard in shards(done) for s in shard] == [b] * 3 + [a]
    assert shards(done)[2] == [Segment(a, 0, None, None, "train", "9-5")]
    assert done.sizes.tolist() == [0, 3, 1]  # a's old shard is empty, and its number is not reused
    assert [s for shard in shards(done) for s in shard if s.video_id == b] == [
        s for shard in shards(plan) for s in shard if s.video_id == b
    ]
    write_plan(tmp_path, done)  # the videos keep their order, though a's rows now come last
    assert read_plan(tmp_path) == done and paths(done) == ["/v/a.mp4", "/v/b.mp4"]
    emptied = extend_plan(
        plan_of([fake("a.mp4")]), changed[:1], None, refresh=lambda _: True, **OPTIONS
    ).plan
    assert emptied.sizes.tolist() == [0, 1] and emptied.live_shards.tolist() == [1]


def test_a_file_that_was_missing_is_planned_when_it_is_there():
    plan = plan_of([fake("a.mp4", size=-1), fake("b.mp4")])
    assert plan_of([fake("a.mp4", size=-1)], plan) is plan
    found = extend_plan(plan, [fake("a.mp4")], lambda _: [(0.0, 3.0)], **OPTIONS)
    assert found.changed == () and found.plan.video_count == 2
    assert [s.stamp for s in shards(found.plan)[-1]] == ["1-5", "1-5"]


def test_a_moved_folder_is_not_new(tmp_path):
    old, new = str(tmp_path / "old"), str(tmp_path / "new")
    plan = plan_of([fake("a.mp4", root=old)])
    moved = plan_of([fake("a.mp4", root=new)], plan)
    assert shards(moved) == shards(plan)
    assert paths(moved) == [f"{new}/a.mp4"]
    other = plan_of([fake("a.mp4", size=2, root=new)], plan)  # same name, another file
    assert other.video_count == 2


def test_a_copied_folder_is_left_out_and_told(tmp_path):
    def put(folder: str, data: bytes) -> Source:
        path = tmp_path / folder / "a.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(7, 7))
        return Source("a.mp4", str(path), len(data), 7)

    data = np.random.default_rng(0).bytes(200_000)
    first, copy = put("first", data), put("copy", data)
    other = put("other", data[:-1] + b"x")
    plan = plan_of([first])
    told = extend_plan(plan, [copy], None, **OPTIONS)
    assert told.plan is plan and told.copies == (copy.path,) and told.added == ()
    assert extend_plan(plan, [other], None, **OPTIONS).added == (other.path,)
    # whoever names both wants both
    assert extend_plan(plan, [copy, first], None, **OPTIONS).added == (copy.path,)
    short = put("short", data[:100]), put("short copy", data[:100])
    assert extend_plan(plan_of(short[:1]), short[1:], None, **OPTIONS).copies == (short[1].path,)


def test_one_name_in_two_folders_is_two_videos():
    plan = plan_of([fake("a.mp4", root="/x"), fake("a.mp4", root="/y")])
    assert plan.video_count == 2
    assert plan_of([fake("a.mp4", root="/y")], plan) is plan


def test_merged_shards_keep_every_row_in_its_place(tmp_path):
    plan = plan_of([fake(f"{k}.mp4") for k in range(5)])  # five shards of three
    merged, number = plan.merged([1, 2])
    assert number == 1 and merged.sizes.tolist() == [3, 6, 0, 3, 3]
    assert merged.shard(1) == (*plan.shard(1), *plan.shard(2)) and merged.shard(2) == ()
    assert merged.planned(merged.segments) == plan.planned(plan.segments)
    assert merged.merged([1, 2])[0] == merged
    assert merged.merged([1, 3])[0] == plan.merged([1, 2, 3])[0]  # 2 is empty
    assert plan.merged_groups([[0, 1], [2, 3, 4]]).sizes.tolist() == [6, 0, 9, 0, 0]
    write_plan(tmp_path, merged)
    assert read_plan(tmp_path) == merged
    more = plan_of([fake("9.mp4")], merged)
    assert shards(more)[:5] == shards(merged) and more.sizes.tolist()[5:] == [3]
    for wrong in ([], [2, 1], [0, 0], [4, 5], [-1, 0], [0, 2]):
        with pytest.raises(ValueError, match="shards"):
            plan.merged(wrong)
    with pytest.raises(ValueError, match="name each once"):
        plan.merged_groups([[0, 1], [1, 2]])


# ---- the file ---------------------------------------------------------------------------------


def write_version_1(store: Path, plan: Plan) -> None:
    """The plan as vidcl wrote it before there were columns."""
    text = json.dumps(
        {
            "plan_version": 1,
            "kind": plan.kind,
            "settings": plan.settings,
            "backend": plan.backend,
            "split": asdict(plan.split),
            "videos": {
                video_id: {
                    name: getattr(file, name) for name in ("name", "path", "size", "mtime_ns")
                }
                for video_id, file in plan.sources(np.arange(plan.video_count))
            },
            "shards": [[asdict(segment) for segment in shard] for shard in shards(plan)],
        }
    )
    old_plan_path(store).write_text(text)


def test_a_plan_of_version_1_is_read_and_written_as_version_2(tmp_path):
    plan = plan_of([fake(f"{k}.mp4", size=k) for k in range(4)])
    plan = extend_plan(plan, [fake("1.mp4", size=77)], None, refresh=lambda _: True, **OPTIONS).plan
    write_version_1(tmp_path, plan)
    old = read_plan(tmp_path)
    assert old == plan
    more = plan_of([fake("9.mp4")], old)
    assert more == plan_of([fake("9.mp4")], plan)
    write_plan(tmp_path, more)
    assert not old_plan_path(tmp_path).exists() and read_plan(tmp_path) == more


def test_the_outline_is_that_of_the_plan(tmp_path, monkeypatch):
    monkeypatch.setattr("vidcl.tracks.extraction.plan_file._ROWS", 4)
    assert read_outline(tmp_path) is None
    plan = plan_of([fake(f"{k}.mp4") for k in range(5)]).merged([1, 2])[0]
    for write in (write_version_1, write_plan):
        write(tmp_path, plan)
        outline = read_outline(tmp_path)
        assert outline is not None and (outline.kind, outline.backend) == ("video", "b")
        assert outline.sizes.tolist() == [3, 6, 0, 3, 3]
    plan_path(tmp_path).write_text("no plan")
    with pytest.raises(VidclError, match="not the plan of a track store"):
        read_outline(tmp_path)


def test_the_new_plan_counts_where_a_run_was_killed_between_the_two(tmp_path):
    first = plan_of([fake("0.mp4")])
    second = plan_of([fake("1.mp4")], first)
    write_plan(tmp_path, second)
    write_version_1(tmp_path, first)
    assert read_plan(tmp_path) == second


def test_the_file_is_one_row_per_segment_for_other_tools(tmp_path):
    plan = plan_of([fake("a.mp4"), fake("b.mp4")])
    write_plan(tmp_path, plan)
    rows = pq.read_table(plan_path(tmp_path)).to_pylist()
    assert len(rows) == 6
    assert rows[1] == {
        "shard": 0, "video": 0, "segment": 1, "start": 50.0, "end": 100.0, "split": "train",
        "video_id": plan.videos["video_id"][0].as_py(), "name": "a.mp4", "path": "/v/a.mp4",
        "size": 1, "mtime_ns": 5,
    }  # fmt: skip
    assert rows[0]["start"] is None and rows[2]["end"] is None
    assert [row["split"] for row in rows] == ["train", "train", "test"] * 2


def test_many_row_groups_are_one_plan(tmp_path, monkeypatch):
    monkeypatch.setattr("vidcl.tracks.extraction.plan_file._ROWS", 4)
    plan = plan_of([fake(f"{k}.mp4") for k in range(30)])
    write_plan(tmp_path, plan)
    assert read_plan(tmp_path) == plan
    monkeypatch.undo()
    assert read_plan(tmp_path) == plan


def test_no_plan_is_none_and_an_empty_one_is_written(tmp_path):
    assert read_plan(tmp_path) is None
    empty = Plan.empty("image", {}, "pillow 1")
    write_plan(tmp_path, empty)
    assert read_plan(tmp_path) == empty


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"plan_version": 1}', "\x00"])
@pytest.mark.parametrize("name", ["plan.json", "plan.parquet"])
def test_a_file_that_is_no_plan(text, name, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(VidclError, match="not the plan of a track store"):
        read_plan(tmp_path)


def test_a_table_that_is_no_plan(tmp_path):
    plan = plan_of([fake("a.mp4"), fake("b.mp4")])
    write_plan(tmp_path, plan)
    table = pq.read_table(plan_path(tmp_path))
    for damaged in (table.replace_schema_metadata(None), table.slice(1), table.drop(["split"])):
        pq.write_table(damaged, plan_path(tmp_path))
        with pytest.raises(VidclError, match="not the plan of a track store"):
            read_plan(tmp_path)


def test_a_newer_plan_is_refused(tmp_path, monkeypatch):
    old_plan_path(tmp_path).write_text('{"plan_version": 2}')
    with pytest.raises(VidclError, match="newer vidcl"):
        read_plan(tmp_path)
    monkeypatch.setattr("vidcl.tracks.extraction.plan_file.PLAN_VERSION", 3)
    write_plan(tmp_path, plan_of([fake("a.mp4")]))
    monkeypatch.undo()
    with pytest.raises(VidclError, match="newer vidcl"):
        read_plan(tmp_path)


def test_a_plan_that_cannot_be_written_leaves_the_old_one(tmp_path):
    plan = plan_of([fake("a.mp4")])
    write_plan(tmp_path, plan)
    plan_path(tmp_path).rename(tmp_path / "kept")
    plan_path(tmp_path).mkdir()  # in the way: also the administrator cannot replace it
    with pytest.raises(VidclError, match=r"Cannot write .*plan\.parquet"):
        write_plan(tmp_path, plan)
    assert not list(tmp_path.glob(".*.tmp"))


# ---- settings ---------------------------------------------------------------------------------


def test_another_configuration_is_refused_by_the_name_of_the_field():
    plan = replace(plan_of([fake("a.mp4")]), settings={"crop": {"canvas": 160}, "x": 1})
    same = {"crop": {"canvas": 160}, "x": 1, "decoder": "pyav", "time_tolerance": None}
    check_same(plan, "video", same, Path("s"))
    with pytest.raises(VidclError, match=r"crop\.canvas = 160, not 64.*--crop\.canvas 160"):
        check_same(plan, "video", {**same, "crop": {"canvas": 64}}, Path("s"))
    with pytest.raises(VidclError, match="holds video tracks"):
        check_same(plan, "image", {}, Path("s"))


def test_an_old_store_says_which_value_goes_on_with_it():
    plan = replace(plan_of([fake("a.mp4")]), settings={})
    with pytest.raises(VidclError, match=r"time_tolerance = None, not 0\.5.*--time-tolerance None"):
        check_same(plan, "video", {"decoder": "pyav", "time_tolerance": 0.5}, Path("s"))
    with pytest.raises(VidclError, match="decoder = pyav, not decord"):
        check_same(plan, "video", {"decoder": "decord", "time_tolerance": None}, Path("s"))
