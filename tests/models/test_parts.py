"""Backbones, heads, split BatchNorm, momentum, queue."""

import copy

import pytest
import torch
from torch import nn

from vidcl.errors import VidclError
from vidcl.models.backbones import build_backbone
from vidcl.models.config import ModelConfig
from vidcl.models.heads import build_head
from vidcl.models.momentum import momentum_copy, momentum_update
from vidcl.models.queue import EMPTY, KeyQueue
from vidcl.models.split_bn import SplitBatchNorm, split_batch_norm
from vidcl.models.tower import Tower


@pytest.mark.parametrize(
    ("name", "stem", "side", "dim"),
    [("resnet_tiny", "imagenet", 32, 128), ("resnet18", "small", 32, 512)],
)
def test_backbones_give_their_features(name, stem, side, dim):
    network, width = build_backbone(name, stem=stem)
    assert width == dim
    assert network(torch.zeros(2, 3, side, side)).shape == (2, dim)


def test_an_unknown_backbone_lists_the_known_ones():
    with pytest.raises(VidclError, match="resnet_tiny"):
        build_backbone("resnet51")


def test_heads():
    assert isinstance(build_head("linear", 8, 4), nn.Linear)
    kinds = [type(m).__name__ for m in build_head("mlp", 8, 4, hidden=6, batch_norm=True)]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Linear"]
    assert [type(m).__name__ for m in build_head("mlp", 8, 4)] == ["Linear", "ReLU", "Linear"]


@pytest.mark.parametrize("shape", [(12, 5), (12, 5, 3, 3)])
def test_split_batch_norm_is_batch_norm_on_each_shard(shape):
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    split, plain = SplitBatchNorm(5, 3), nn.BatchNorm1d(5) if len(shape) == 2 else nn.BatchNorm2d(5)
    got = split(x)
    want = torch.cat([copy.deepcopy(plain)(part) for part in x.chunk(3)])
    torch.testing.assert_close(got, want)
    # evaluation is plain BatchNorm with running statistics of the same weight
    for _ in range(400):
        split(x)
        plain(x)
    split.eval()
    plain.eval()
    torch.testing.assert_close(split.running_mean, plain.running_mean, atol=2e-2, rtol=0)
    plain.load_state_dict(split.state_dict())
    torch.testing.assert_close(split(x), plain(x))
    with pytest.raises(ValueError, match="shards"):
        split.train()(x[:11])


def test_split_batch_norm_replaces_all_and_keeps_the_state():
    plain = Tower(ModelConfig(backbone="resnet_tiny", head_batch_norm=True))
    split = split_batch_norm(copy.deepcopy(plain), 4)
    assert not any(type(m) in (nn.BatchNorm1d, nn.BatchNorm2d) for m in split.modules())
    assert split.state_dict().keys() == plain.state_dict().keys()
    assert split_batch_norm(plain, 1) is plain


def test_momentum_moves_parameters_only():
    torch.manual_seed(0)
    q = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    k = momentum_copy(q)
    before = [p.clone() for p in k.parameters()]
    with torch.no_grad():
        for p in q.parameters():
            p.add_(1)
    q[1].running_mean.add_(7)
    momentum_update(k, q, 0.75)
    for old, new in zip(before, k.parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.25)
        assert not new.requires_grad
    assert float(k[1].running_mean.sum()) == 0


def test_the_queue_is_a_ring_with_masks():
    queue = KeyQueue(5, 2)
    assert not queue.usable(torch.tensor([0])).any()
    pushed = []
    for batch in range(4):
        keys = torch.full((3, 2), float(batch))
        tracks = torch.arange(3) + 3 * batch
        queue.push(keys, tracks)
        pushed = (pushed + tracks.tolist())[-5:]
        filled = queue.tracks[queue.tracks != EMPTY]
        assert sorted(filled.tolist()) == sorted(pushed)
        assert queue.fill() == pytest.approx(min(1.0, 3 * (batch + 1) / 5))
    own = queue.usable(torch.tensor([pushed[0], 99]))
    assert own.sum(1).tolist() == [4, 5]
    assert queue.usable(torch.tensor([pushed[0]]), own=True).all()
    again = KeyQueue(5, 2)
    again.load_state_dict(queue.state_dict())
    assert int(again.pointer) == 12 % 5
    with pytest.raises(ValueError):
        queue.push(torch.zeros(6, 2), torch.arange(6))
