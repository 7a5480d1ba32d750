"""Split views and patches at a distance come out of the loader as the settings say."""

import pytest
import torch

from tests.training.making import make_store
from vidcl.config import parse_config
from vidcl.errors import VidclError
from vidcl.methods.wanted import Key, Wanted
from vidcl.training.config import TrainConfig
from vidcl.training.crops import Crops
from vidcl.training.pair_views import PairViews
from vidcl.training.pairs import PairSampler
from vidcl.views.split import split_view

PATCHES = {"crop_scale": (0.05, 0.1), "crop_ratio": (1.0, 1.0)}


def make(tmp_path, **views):
    values = {
        "views": {"size": 16, **views},
        "pairs": {"streams": [{"kind": "region", "gap": (0.2, 1.0)}]},
        "training": {"batch_size": 12, "channels_last": False},
    }
    config = parse_config(values, TrainConfig)
    store = make_store(tmp_path)
    sampler = PairSampler(store, config.pairs, 12, seed=0)
    return PairViews(config, Crops(store, sampler.rows, torch.device("cpu"), 0)), sampler


def test_the_query_shows_one_part_and_every_key_the_other(tmp_path):
    wanted = Wanted((Key(), Key(shares=("crop",))))
    plain, sampler = make(tmp_path / "plain")
    split, _ = make(tmp_path / "split", split="y_dbdr")
    whole = plain.make(plain.read(sampler.batch(0), 0, wanted)).views
    shown = split.make(split.read(sampler.batch(0), 0, wanted)).views
    for place, (before, after) in enumerate(zip(whole, shown, strict=True)):
        assert torch.equal(after, split_view(before, min(place, 1), split.views.config))
        assert not torch.equal(after, before)


def test_patches_lie_apart_and_nothing_else_changes(tmp_path):
    plain, sampler = make(tmp_path / "plain", **PATCHES)
    apart, _ = make(tmp_path / "apart", **PATCHES, distance=1.0)
    before = plain.read(sampler.batch(3), 3).params
    query, key = apart.read(sampler.batch(3), 3).params
    size = query.box[:, 2:] - query.box[:, :2]
    torch.testing.assert_close((key.box - query.box)[:, :2].abs(), size)
    torch.testing.assert_close(size, before[0].box[:, 2:] - before[0].box[:, :2])
    for old, new in zip(before, (query, key), strict=True):
        for name, value in old.tensors().items():
            assert name == "box" or torch.equal(value, getattr(new, name))


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted((Key(), Key())),
        Wanted((Key(shares=("crop",)),)),
        Wanted((Key(only=("box",)),)),
        Wanted(along=("box",), redraws=2),
    ],
)
def test_crops_that_others_decide_cannot_be_apart(tmp_path, wanted):
    views, sampler = make(tmp_path, **PATCHES, distance=1.0)
    with pytest.raises(VidclError, match="a query and one key"):
        views.read(sampler.batch(0), 0, wanted)
