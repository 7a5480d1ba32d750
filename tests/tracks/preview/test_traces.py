"""Which stored track is which part of which followed region."""

import numpy as np

from tests.tracks.preview.making import TIMES, track
from vidcl.tracks.preview.traces import Stored, join, numbered


def test_a_region_and_its_kept_steps():
    followed = track(list(range(3, 15)))
    stored = Stored(track([3, 6, 9, 12]), 0.5)
    (trace,) = join([stored], [followed], TIMES, 256)
    assert trace.stored is stored and trace.end_reason == "lost"
    assert trace.frames.tolist() == list(range(3, 15))
    assert trace.frames[trace.kept].tolist() == [3, 6, 9, 12]
    assert (trace.crop_boxes[trace.kept] == stored.track.crop_boxes).all()
    assert np.allclose(trace.scores, np.arange(3, 15) / 100)


def test_what_is_not_stored_is_a_trace_without_a_track():
    followed = [track(list(range(10))), track([2, 3, 4], left=50)]
    traces = join([Stored(track([0, 3, 6, 9]), 0.0)], followed, TIMES, 256)
    assert [trace.stored is None for trace in traces] == [False, True]
    assert not traces[1].kept.any()
    assert [trace.number for trace in numbered(traces, 5)] == [5, None]


def test_regions_alike_get_one_stored_track_each():
    followed = [track(list(range(10))), track(list(range(10)))]
    stored = [Stored(track([0, 3, 6, 9]), 0.1), Stored(track([0, 3, 6, 9]), 0.2)]
    traces = join(stored, followed, TIMES, 256)
    assert [trace.stored for trace in traces] == stored


def test_a_track_cut_off_at_its_limit_goes_on_as_the_next_one():
    followed = track(list(range(20)), reason="border")
    stored = [Stored(track([8, 12], reason="end"), 0.2), Stored(track([0, 4], reason="end"), 0.1)]
    traces = join(stored, [followed], TIMES, 2)
    assert [trace.stored for trace in traces] == [stored[1], stored[0], None]
    assert [trace.frames.tolist() for trace in traces] == [
        list(range(5)),
        list(range(5, 13)),
        list(range(13, 20)),
    ]
    assert [trace.end_reason for trace in traces] == ["end", "end", "border"]


def test_a_stored_track_that_no_region_contains_is_shown_by_itself():
    stored = Stored(track([0, 3, 6], left=7.0), 0.1)
    traces = join([stored], [track(list(range(10)))], TIMES, 256)
    assert [trace.stored for trace in traces] == [stored, None]
    assert traces[0].frames.tolist() == [0, 3, 6] and traces[0].kept.all()


def test_numbers_follow_the_first_frames_whatever_the_order_of_the_ends():
    followed = [track(list(range(5, 9)), left=40), track(list(range(2, 20)))]
    stored = [Stored(track([6], left=40), 0.1), Stored(track([3, 6, 9]), 0.2)]
    traces = numbered(join(stored, followed, TIMES, 256), 1)
    assert [(t.number, t.stored) for t in traces] == [(1, stored[1]), (2, stored[0])]
