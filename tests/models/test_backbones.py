"""Backbones by name: what they give, and what is said of names and sizes that cannot be."""

import socket
import sys

import pytest
import torch
import torchvision
from torch import nn

from vidcl.errors import VidclError
from vidcl.models.backbones import RESNETS, build_backbone, known_name, torchvision_names
from vidcl.models.config import ModelConfig
from vidcl.models.tower import Tower


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Weights are never downloaded: whoever opens a connection fails."""

    def refuse(*_):
        raise AssertionError("a backbone opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)


@pytest.mark.parametrize(
    ("name", "stem", "side", "dim"),
    [
        ("resnet_tiny", "imagenet", 32, 128),
        ("conv_tiny", "imagenet", 28, 128),
        ("resnet18", "small", 32, 512),
        ("timm:resnet18", "small", 32, 512),
        ("timm:vit_small_patch16_224", "imagenet", 32, 384),
        ("mobilenet_v3_small", "imagenet", 64, 1024),
    ],
)
def test_backbones_give_their_features(name, stem, side, dim):
    network, width = build_backbone(name, stem=stem, size=side)
    assert width == dim
    assert all(part.training for part in network.modules())
    assert network(torch.zeros(2, 3, side, side)).shape == (2, dim)


@pytest.mark.parametrize("name", ["resnet_tiny", "conv_tiny", "resnet18", "resnet50"])
def test_images_may_have_more_channels(name):
    network, width = build_backbone(name, size=32, channels=8)
    assert network(torch.zeros(2, 8, 32, 32)).shape == (2, width)
    with pytest.raises(RuntimeError, match="channels"):
        network(torch.zeros(2, 3, 32, 32))


def test_other_networks_take_three_channels():
    with pytest.raises(VidclError, match=r"three channels alone.*resnet_tiny"):
        build_backbone("mobilenet_v3_small", channels=5)


@pytest.mark.parametrize(
    ("name", "dim"),
    [
        ("resnet50", 2048),
        ("wide_resnet50_2", 2048),
        ("alexnet", 4096),
        ("vgg11", 4096),
        ("convnext_tiny", 768),
        ("densenet121", 1024),
        ("efficientnet_b0", 1280),
        ("maxvit_t", 512),
        ("mnasnet0_5", 1280),
        ("regnet_x_400mf", 400),
        ("shufflenet_v2_x0_5", 1024),
        ("swin_t", 768),
        ("vit_b_32", 768),
        ("timm:resnet50", 2048),
        ("timm:mobilenetv3_small_050", 1024),
        ("timm:convnext_atto", 320),
        ("timm:vit_base_patch16_224.dino", 768),
    ],
)
def test_the_width_is_read_from_every_family(name, dim):
    # torchvision's RegNets compute while they are built
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        network, width = build_backbone(name, size=224)
        assert width == dim
        assert network.eval()(torch.zeros(2, 3, 224, 224)).shape == (2, dim)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_the_feature_is_the_input_of_the_classifier(name):
    torch.manual_seed(3)
    whole = torchvision.models.get_model(name).eval()
    torch.manual_seed(3)
    backbone, _ = build_backbone(name, size=64)  # the same random numbers in the same order
    classifier = [module for module in whole.modules() if isinstance(module, nn.Linear)][-1]
    x = torch.randn(2, 3, 64, 64)
    assert torch.equal(classifier(backbone.eval()(x)), whole(x))
    # in training too: the dropout before the classifier has gone with it
    assert not any(isinstance(part, nn.Dropout) for part in backbone.modules())


def test_a_transformer_has_the_position_table_of_the_views():
    tower = Tower(ModelConfig(backbone="timm:vit_small_patch16_224", bn_shards=2), 32)
    assert tower.backbone.pos_embed.shape == (1, 1 + 4, 384)
    features, z = tower(torch.zeros(4, 3, 32, 32))
    assert features.shape == (4, 384) and z.shape == (4, 128)


def test_all_resnets_are_networks_of_torchvision():
    assert set(RESNETS) <= set(torchvision_names())


def test_names_of_foreign_files():
    assert known_name("resnet50") == "resnet50"
    assert known_name("vit_small_patch16_224") == "timm:vit_small_patch16_224"
    assert known_name("my_network") is None and known_name(3) is None


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("resnet51", "resnet50"),
        ("resnettiny", "resnet_tiny"),
        ("vit_small_patch16_224", "timm:vit_small_patch16_224"),
        ("timm:vit_smal_patch16_224", "timm:vit_small_patch16_224"),
        ("timm:hf-hub:someone/something", "timm:NAME"),
        ("googlenet", "resnet_tiny"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, near):
    with pytest.raises(VidclError) as error:
        build_backbone(name)
    said = str(error.value)
    assert f"no backbone '{name}'" in said and near in said.removeprefix(f"There is {name}")
    assert "\n" not in said


def test_without_timm_the_sentence_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(VidclError, match=r"pip install 'vidcl\[timm\]'"):
        build_backbone("timm:resnet18")


@pytest.mark.parametrize(
    ("name", "size"), [("vit_b_32", 40), ("alexnet", 16), ("timm:vit_small_patch16_224", 8)]
)
def test_a_size_that_does_not_fit_is_refused(name, size):
    with (
        torch.device("meta"),
        pytest.raises(VidclError, match=f"{name} cannot work on .*{size} px"),
    ):
        build_backbone(name, size=size)


@pytest.mark.parametrize("name", ["timm:vit_small_patch16_224", "mobilenet_v3_small"])
def test_only_resnets_have_a_small_stem(name):
    with torch.device("meta"), pytest.raises(VidclError, match="no stem"):
        build_backbone(name, stem="small", size=32)
