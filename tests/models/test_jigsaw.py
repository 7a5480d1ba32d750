"""The tower with a head for patches."""

import copy

import pytest
import torch
from torch import nn

from vidcl.errors import VidclError
from vidcl.models.config import ModelConfig
from vidcl.models.heads import head_of
from vidcl.models.jigsaw import JigsawTower
from vidcl.models.layouts import take_apart
from vidcl.models.tower import Tower

N, J, P = 4, 9, 9
TINY = ModelConfig(backbone="resnet_tiny", dim=6, head_batch_norm=True)


def inputs():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(N, 3, 32, 32, generator=generator), torch.randn(
        N, J, 3, P, P, generator=generator
    )


def test_one_forward_gives_features_and_both_projections():
    tower = JigsawTower(TINY, 32, patches=J, patch=P).eval()
    x, patches = inputs()
    features, z, pieces = tower(x, patches)
    plain_features, plain_z = tower(x)
    assert torch.equal(features, plain_features) and torch.equal(z, plain_z)
    assert pieces.shape == z.shape == (N, 6)
    # one image and one patch at a time
    for n in range(N):
        each = [tower.jigsaw.patch(tower.backbone(patch[None]))[0] for patch in patches[n]]
        want = tower.jigsaw.image(torch.cat(each))
        torch.testing.assert_close(pieces[n], want, atol=1e-5, rtol=1e-4)


def test_the_head_has_the_published_shapes():
    shapes = {
        name: tuple(value.shape)
        for kind in ("linear", "mlp")
        for name, value in JigsawTower(ModelConfig(backbone="resnet18", head=kind, dim=128), 64)
        .state_dict(prefix=kind + ".")
        .items()
        if ".jigsaw." in name and value.dim() == 2
    }
    assert shapes == {
        "linear.jigsaw.patch.weight": (128, 512),
        "linear.jigsaw.image.weight": (128, 9 * 128),
        "mlp.jigsaw.patch.0.weight": (512, 512),
        "mlp.jigsaw.patch.2.weight": (128, 512),
        "mlp.jigsaw.image.weight": (128, 9 * 128),
    }


def test_the_patches_have_batch_statistics_of_their_own():
    torch.manual_seed(0)
    tower = JigsawTower(TINY, 32, patches=J, patch=P)
    alone = copy.deepcopy(tower)
    x, patches = inputs()
    features, _, _ = tower(x, 5 + 3 * patches)
    torch.testing.assert_close(features, alone(x)[0])
    assert int(tower.backbone.bn1.num_batches_tracked) == 2
    # and with split BatchNorm each shard's images are with their own patches
    torch.manual_seed(0)
    split = JigsawTower(TINY.model_copy(update={"bn_shards": 2}), 32, patches=J, patch=P)
    got = split(x, patches)
    for half, part in enumerate((slice(0, 2), slice(2, 4))):
        torch.manual_seed(0)
        fresh = JigsawTower(TINY, 32, patches=J, patch=P)
        for a, b in zip(got, fresh(x[part], patches[part]), strict=True):
            torch.testing.assert_close(a.chunk(2)[half], b, atol=1e-5, rtol=1e-4)


def test_one_seed_gives_the_towers_backbone_and_head():
    torch.manual_seed(0)
    plain = Tower(TINY, 32).state_dict()
    torch.manual_seed(0)
    jigsaw = JigsawTower(TINY, 32, patches=J, patch=P).state_dict()
    assert all(torch.equal(jigsaw[name], value) for name, value in plain.items())
    assert {name.split(".")[0] for name in jigsaw} == {"backbone", "head", "jigsaw"}


def test_a_state_dict_is_taken_apart_without_the_patches_head():
    tower = JigsawTower(TINY, 32, patches=J, patch=P)
    module = nn.Module()
    module.encoder_q = tower
    parts = take_apart(module.state_dict())
    assert parts.backbone.keys() == tower.backbone.state_dict().keys()
    assert all(name.startswith("encoder_q.jigsaw.") for name in parts.others) and parts.others
    head = head_of(parts.head, tower.width)
    x = torch.randn(2, tower.width)
    assert head is not None and torch.equal(head(x), tower.head.eval()(x))


def test_a_network_for_one_size_is_refused():
    config = ModelConfig(backbone="conv_tiny", dim=6)
    with pytest.raises(VidclError, match="conv_tiny cannot work on images of 9 px"):
        JigsawTower(config, 32, patches=J, patch=P)
    JigsawTower(config, 32, patches=J, patch=32)
