"""Heads, split BatchNorm, momentum, queue."""

import copy

import pytest
import torch
from torch import nn

from vidcl.errors import VidclError
from vidcl.models.backbones import build_backbone
from vidcl.models.config import ModelConfig
from vidcl.models.heads import build_head, head_of
from vidcl.models.momentum import momentum_copy, momentum_update
from vidcl.models.queue import EMPTY, KeyQueue
from vidcl.models.split_bn import SplitBatchNorm, split_batch_norm
from vidcl.models.tower import Tower


def test_heads():
    assert isinstance(build_head("linear", 8, 4), nn.Linear)
    kinds = [type(m).__name__ for m in build_head("mlp", 8, 4, hidden=6, batch_norm=True)]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Linear"]
    assert [type(m).__name__ for m in build_head("mlp", 8, 4)] == ["Linear", "ReLU", "Linear"]
    deep = build_head("mlp", 8, 4, hidden=6, layers=4)
    assert [m.weight.shape for m in deep if isinstance(m, nn.Linear)] == [
        (6, 8),
        (6, 6),
        (6, 6),
        (4, 6),
    ]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("linear", {}),
        ("mlp", {"hidden": 6}),
        ("mlp", {"batch_norm": True}),
        ("mlp", {"layers": 4, "hidden": 6, "batch_norm": True}),
    ],
)
def test_a_head_is_known_by_its_tensors(kind, options):
    head = build_head(kind, 8, 4, **options).eval()
    again = head_of(head.state_dict(), 8)
    x = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    assert again is not None and torch.equal(again(x), head(x)) and not again.training
    assert head_of(head.state_dict(), 9) is None  # behind another backbone
    assert head_of({}, 8) is None
    assert head_of({"weight": torch.zeros(4)}, 8) is None


@pytest.mark.parametrize("shape", [(12, 5), (12, 5, 7), (12, 5, 3, 3)])
def test_split_batch_norm_is_batch_norm_on_each_shard(shape):
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    split, plain = SplitBatchNorm(5, 3), nn.BatchNorm1d(5) if len(shape) < 4 else nn.BatchNorm2d(5)
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


@pytest.mark.parametrize("name", ["timm:mobilenetv3_small_050", "mobilenet_v3_small"])
def test_a_split_network_is_the_network_on_each_shard(name):
    # timm's has activations inside its BatchNorms, torchvision's an eps of 0.001
    torch.manual_seed(0)
    plain, _ = build_backbone(name, size=64)
    split = split_batch_norm(copy.deepcopy(plain), 2)
    assert sum(isinstance(m, SplitBatchNorm) for m in split.modules()) == sum(
        isinstance(m, nn.BatchNorm2d) for m in plain.modules()
    )
    x = torch.randn(4, 3, 64, 64)
    want = torch.cat([copy.deepcopy(plain)(part) for part in x.chunk(2)])
    torch.testing.assert_close(split(x), want, atol=1e-4, rtol=1e-4)
    plain.load_state_dict(split.state_dict())
    torch.testing.assert_close(split.eval()(x), plain.eval()(x), atol=1e-5, rtol=1e-5)


def test_norms_that_do_not_look_across_the_batch_are_left():
    module = nn.Sequential(
        nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.BatchNorm2d(4, eps=0.5)
    )
    kinds = [type(part) for part in split_batch_norm(module, 2)]
    assert kinds == [nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d, SplitBatchNorm]
    assert module[3].eps == 0.5
    for other in (nn.SyncBatchNorm(4), nn.BatchNorm3d(4)):
        with pytest.raises(VidclError, match=type(other).__name__):
            split_batch_norm(nn.Sequential(other), 2)


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
