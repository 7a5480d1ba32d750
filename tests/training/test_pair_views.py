"""What a method asks of its views is what it gets."""

import numpy as np
import pytest
import torch

from tests.training.making import make_store
from vidcl.config import parse_config
from vidcl.errors import VidclError
from vidcl.methods.factors import leave_one_out
from vidcl.methods.wanted import TIME, Key, Wanted
from vidcl.training.config import TrainConfig
from vidcl.training.crops import Crops
from vidcl.training.pair_views import PairViews
from vidcl.training.pairs import PairSampler

VIEWS = {"size": 16, "turn": 0.5, "texture": 0.5, "texture_size": 3, "gamma": 0.5}


def make(tmp_path, gap=(0.2, 1.0), views=VIEWS):
    values = {
        "views": views,
        "pairs": {"streams": [{"kind": "region", "gap": gap}]},
        "training": {"batch_size": 12, "channels_last": False},
    }
    config = parse_config(values, TrainConfig)
    store = make_store(tmp_path)
    sampler = PairSampler(store, config.pairs, 12, seed=0)
    return PairViews(config, Crops(store, sampler.rows, torch.device("cpu"), 0)), sampler


def test_keys_share_and_differ_as_asked(tmp_path):
    views, sampler = make(tmp_path)
    wanted = Wanted(leave_one_out(("color", "rotation", "texture", "time")))
    for step in range(4):
        batch = views.read(sampler.batch(step), step, wanted)
        query, k0, *kept = batch.params
        assert batch.moments == (0, 1, 1, 1, 1, 0)
        factors = ("color", "turn", "texture")
        for factor in factors:
            assert not query.same(k0, factor).any()
        for place, key in enumerate(kept[:3]):
            for factor in factors:
                same = query.same(key, factor)
                assert same.all() if factor == factors[place] else not same.any()
        assert query.same(kept[0], "grey").all()
        for factor in factors:
            assert not query.same(kept[3], factor).any()
        boxes = [each.box for each in batch.params]
        assert not any(torch.equal(boxes[0], box) for box in boxes[1:])


def test_a_key_of_the_same_moment_shows_the_same_crop(tmp_path):
    views, sampler = make(tmp_path)
    wanted = Wanted(
        (Key((TIME, "crop", "flip", "turn", "color", "grey", "texture", "blur", "tone")),)
    )
    made = views.make(views.read(sampler.batch(0), 0, wanted))
    assert torch.equal(*made.views)
    moving = views.make(views.read(sampler.batch(0), 0, Wanted()))
    assert not torch.equal(*moving.views)
    assert (moving.gap > 0).all()


def test_parameters_are_drawn_anew_where_their_operation_happens(tmp_path):
    views, sampler = make(tmp_path)
    wanted = Wanted(along=("color", "gamma", "box", TIME), redraws=50)
    batch = views.read(sampler.batch(0), 0, wanted)
    made = views.make(batch)
    query = batch.params[0]
    idle = (query.color == torch.tensor([1.0, 1.0, 1.0, 0.0])).all(1)
    assert idle.any() and not idle.all()
    drawn = made.redraws["color"]
    assert drawn.shape == (50, 12, 4)
    assert (drawn[:, idle] == query.color[idle]).all()
    assert (drawn[:, ~idle].std(0) > 0).all()
    config = views.views.config
    assert (drawn[..., 0] - 1).abs().max() <= config.brightness
    assert made.redraws["gamma"].shape == (50, 12) and made.redraws["box"].shape == (50, 12, 4)
    assert set(made.redraws[TIME].unique().tolist()) == {-1.0, 1.0}
    # the leaves are the query's values, and the view is a function of them
    assert torch.equal(made.leaves["color"], query.color)
    slopes = torch.autograd.grad(made.views[0].square().sum(), list(made.leaves.values()))
    assert all(slope.abs().sum() > 0 for slope in slopes)
    # and it is the view that a run without a penalty makes
    plain = views.make(views.read(sampler.batch(0), 0, Wanted()))
    torch.testing.assert_close(made.views[0].detach(), plain.views[0], atol=2e-5, rtol=0)
    assert torch.equal(made.views[1], plain.views[1])


def test_a_key_may_have_all_but_a_few_parameters_from_the_query(tmp_path):
    views, sampler = make(tmp_path)
    wanted = Wanted((Key(), Key(only=("color",)), Key(only=(TIME,)), Key(only=())))
    batch = views.read(sampler.batch(0), 0, wanted)
    assert batch.moments == (0, 1, 0, 1, 0)
    query, free, color, time, same = batch.params
    assert not query.same(free, "crop").any()
    for factor in ("crop", "flip", "turn", "texture", "grey", "blur", "tone"):
        assert all(query.same(key, factor).all() for key in (color, time, same))
    jittered = (query.color != torch.tensor([1.0, 1.0, 1.0, 0.0])).any(1)
    assert torch.equal(query.same(color, "color"), ~jittered)
    assert torch.equal(query.order, color.order)
    made = views.make(batch)
    assert torch.equal(made.views[0], made.views[4])
    assert not torch.equal(made.views[0], made.views[3])


def test_along_time_a_view_goes_to_the_other_moment(tmp_path):
    views, sampler = make(tmp_path)
    wanted = Wanted(along=(TIME,), redraws=1)
    batch = views.read(sampler.batch(0), 0, wanted)
    made = views.make(batch)
    other = views.views.apply(views.crops.finish(batch.crops)[0].chunk(2)[1], batch.params[0])
    weight = torch.randn(made.views[0].shape, generator=torch.Generator().manual_seed(0))
    (slope,) = torch.autograd.grad((weight * made.views[0]).sum(), [made.leaves[TIME]])
    expected = (weight * (other - made.views[0].detach())).sum((1, 2, 3))
    torch.testing.assert_close(slope, expected, rtol=1e-4, atol=1e-4)


def test_what_cannot_be_asked_is_refused(tmp_path):
    views, sampler = make(tmp_path, views={"size": 16, "jitter": 0.0, "turn": 0.0})
    pairs = sampler.batch(0)
    with pytest.raises(VidclError, match=r"no 'color'.*--views.jitter"):
        views.read(pairs, 0, Wanted(along=("color",), redraws=2))
    with pytest.raises(VidclError, match="not differentiable along 'flip'"):
        views.read(pairs, 0, Wanted(along=("flip",), redraws=2))
    with pytest.raises(VidclError, match="'turn' of these views cannot differ"):
        views.read(pairs, 0, Wanted(leave_one_out(("rotation",))))


def test_draws_are_a_function_of_seed_and_step(tmp_path):
    views, sampler = make(tmp_path)
    wanted = Wanted(leave_one_out(("color", "time")), along=("color", TIME), redraws=3)
    a, b = (views.make(views.read(sampler.batch(3), 3, wanted)) for _ in range(2))
    assert all(torch.equal(x, y) for x, y in zip(a.views, b.views, strict=True))
    assert all(torch.equal(a.redraws[name], b.redraws[name]) for name in a.redraws)
    np.testing.assert_array_equal(a.tracks, b.tracks)
