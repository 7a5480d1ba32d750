"""Weights of other programs: whose they are, what fits, what is left out, what is refused."""

import argparse
import json
import math

import pytest
import safetensors.torch
import timm
import torch
import torchvision
from torch import nn

from vidcl.errors import VidclError
from vidcl.models.backbones import build_backbone
from vidcl.models.checkpoint import load_encoder, load_trained
from vidcl.models.encoder import IMAGENET_MEAN, Architecture, Preprocessing
from vidcl.models.layouts import grouped, identify, take_apart

X = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def official_moco(network, head):
    """The layout of facebookresearch/moco's checkpoints: names, buffers, what else is saved."""
    state = {}
    for branch in ("encoder_q", "encoder_k"):
        for name, value in network.state_dict().items():
            if not name.startswith("fc."):
                state[f"module.{branch}.{name}"] = value if branch == "encoder_q" else value + 1
        for name, value in head.state_dict().items():
            state[f"module.{branch}.fc.{name}"] = value if branch == "encoder_q" else value + 1
    state["module.queue"] = torch.zeros(16, 64)
    state["module.queue_ptr"] = torch.zeros(1, dtype=torch.long)
    optimizer = torch.optim.SGD(network.parameters(), 0.03, momentum=0.9).state_dict()
    return {"epoch": 200, "arch": "resnet18", "state_dict": state, "optimizer": optimizer}


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    network = torchvision.models.resnet18(num_classes=10).eval()
    for module in network.modules():  # statistics that show when they are lost
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network


@pytest.fixture(scope="module")
def features(resnet):
    with torch.no_grad():
        x = nn.Sequential(*list(resnet.children())[:-1])(X)
    return x.flatten(1)


@pytest.mark.parametrize(
    "head",
    [
        nn.Linear(512, 16),  # v1
        nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 16)),  # v2
    ],
)
def test_official_moco(resnet, features, head, tmp_path):
    path = tmp_path / "moco.pth.tar"
    torch.save(official_moco(resnet, head), path)
    trained = load_trained(path)
    assert trained.encoder.architecture == Architecture("resnet18")
    assert trained.encoder.preprocessing == Preprocessing(224)
    with torch.no_grad():
        assert torch.equal(trained.encoder(X), features)
        assert torch.equal(trained.head(features), head(features))
    assert "module.queue" in trained.left_out and "module.queue_ptr" in trained.left_out
    assert not any("encoder_q" in name for name in trained.left_out)
    with pytest.warns(UserWarning, match=r"not used: module\.encoder_k\.\* \(\d+ tensors\)"):
        load_encoder(path)


def test_what_an_encoder_has_no_use_for_is_named(resnet, features, tmp_path):
    torch.save(resnet.state_dict(), tmp_path / "a.pth")
    with pytest.warns(UserWarning, match=r"read as resnet18; not used: fc\.weight, fc\.bias$"):
        encoder = load_encoder(tmp_path / "a.pth", size=48, mean=(0, 0, 0))
    assert torch.equal(encoder(X), features)
    assert encoder.preprocessing == Preprocessing(48, (0, 0, 0))
    assert load_trained(tmp_path / "a.pth").head is None  # a classifier is no projection head


@pytest.mark.parametrize("kind", ["ddp", "no counters", "half", "safetensors", "wrapped", "old"])
def test_variants_of_one_state(resnet, features, kind, tmp_path):
    path, state = tmp_path / "weights.bin", dict(resnet.state_dict())
    if kind == "ddp":
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, path)
    elif kind == "no counters":  # as torchvision's first weights are
        torch.save({k: v for k, v in state.items() if "num_batches" not in k}, path)
    elif kind == "half":
        torch.save({k: v.half() if v.is_floating_point() else v for k, v in state.items()}, path)
    elif kind == "safetensors":
        safetensors.torch.save_file(state, path)
    elif kind == "old":  # as PyTorch before 1.6 wrote, and the official MoCo's files are
        torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=False)
    else:
        torch.save({"model": state, "arch": "resnet18", "epoch": 3}, path)
    got = load_trained(path).encoder(X)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, features, atol=0.05 if kind == "half" else 0, rtol=0)


def test_a_vision_transformer_of_timm(tmp_path):
    torch.manual_seed(0)
    network = timm.create_model("vit_small_patch16_224", img_size=32).eval()
    path = tmp_path / "vit.pth"
    torch.save({"model": network.state_dict()}, path)
    trained = load_trained(path)
    assert trained.encoder.architecture == Architecture("timm:vit_small_patch16_224")
    assert trained.encoder.preprocessing == Preprocessing(32, IMAGENET_MEAN)
    assert trained.left_out == ("head.weight", "head.bias")
    with torch.no_grad():
        expected = network.forward_head(network.forward_features(X), pre_logits=True)
        assert torch.equal(trained.encoder(X), expected)
    tagged = load_trained(path, arch="timm:vit_small_patch16_224.augreg_in21k").encoder
    assert tagged.preprocessing == Preprocessing(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    with pytest.raises(VidclError, match="images of 32 px, not 224"):
        load_trained(path, size=224)
    with pytest.raises(VidclError, match=r"vit_small_patch16_224\.nothing"):
        load_trained(path, arch="timm:vit_small_patch16_224.nothing")


@pytest.mark.parametrize(
    ("name", "stem", "size"),
    [
        ("resnet34", "imagenet", 224),
        ("resnet50", "imagenet", 224),
        ("resnet101", "small", 224),
        ("wide_resnet50_2", "imagenet", 224),
        ("timm:vit_base_patch16_224", "imagenet", 96),
        ("timm:vit_small_patch32_224", "imagenet", 64),
        ("vit_b_16", "imagenet", 64),
    ],
)
def test_networks_are_known_by_their_shapes(name, stem, size):
    with torch.device("meta"):
        state = build_backbone(name, stem=stem, size=size)[0].state_dict()
    assert identify(state, None, size, "file") == Architecture(name, stem)


def test_other_networks_are_named_by_the_user(tmp_path):
    torch.manual_seed(0)
    network = torchvision.models.mobilenet_v3_small().eval()
    path = tmp_path / "mobile.pth"
    torch.save(network.state_dict(), path)
    with pytest.raises(VidclError, match=r"holds features\.0\.0\.weight, .*--arch"):
        load_trained(path)
    trained = load_trained(path, arch="mobilenet_v3_small", size=64)
    assert trained.left_out == ("classifier.3.weight", "classifier.3.bias")
    with torch.no_grad():
        assert torch.equal(network.classifier[3](trained.encoder(X)), network(X))


def test_a_wrong_name_and_surplus_tensors_are_listed(resnet, tmp_path):
    path = tmp_path / "a.pth"
    torch.save(resnet.state_dict(), path)
    with pytest.raises(VidclError, match=r"nearest is resnet50.*layer1\.0\.conv1\.weight") as error:
        load_trained(path, arch="resnet50")
    assert "\n" not in str(error.value)
    with pytest.raises(VidclError, match="no backbone 'resnet19'; the nearest are resnet18"):
        load_trained(path, arch="resnet19")
    torch.save(resnet.state_dict() | {"layer5.weight": torch.zeros(3)}, path)
    with pytest.raises(VidclError, match=r"1 tensors differ in name or shape: layer5\.weight"):
        load_trained(path)
    torch.save({"epoch": 3, "state_dict": {}}, path)
    with pytest.raises(VidclError, match="it holds no tensors"):
        load_trained(path)


def test_a_file_that_tells_its_network_is_not_contradicted(tmp_path):
    torch.manual_seed(0)
    network, _ = build_backbone("resnet_tiny")
    facts = {"architecture": "resnet_tiny", "stem": "imagenet", "size": "32"}
    facts |= {"mean": json.dumps([0.5] * 3), "std": json.dumps([0.25] * 3)}
    path = tmp_path / "tiny.safetensors"
    safetensors.torch.save_file(network.state_dict(), path, facts)
    encoder = load_encoder(path, arch="resnet_tiny", size=32)
    assert encoder.preprocessing == Preprocessing(32, (0.5,) * 3, (0.25,) * 3)
    for wrong in ({"arch": "resnet18"}, {"size": 64}, {"mean": (0.0, 0.0, 0.0)}):
        with pytest.raises(VidclError, match="says itself that it is resnet_tiny"):
            load_encoder(path, **wrong)
    for key, value in (("size", "big"), ("stem", "large"), ("mean", "[1, 2]"), ("std", "3")):
        safetensors.torch.save_file(network.state_dict(), path, facts | {key: value})
        with pytest.raises(VidclError, match="metadata of"):
            load_encoder(path)
    safetensors.torch.save_file(network.state_dict(), path, facts | {"architecture": "resnet18"})
    with pytest.raises(VidclError, match="does not fit its own network"):
        load_encoder(path)


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_pickled_extras_are_refused_and_named(resnet, tmp_path, capsys):
    path = tmp_path / "extras.pth"
    for extra, name in ((argparse.Namespace(lr=3), "argparse.Namespace"), (Evil(), "print")):
        torch.save({"state_dict": resnet.state_dict(), "args": extra}, path)
        with pytest.raises(VidclError, match=f"holds a pickled {name}") as error:
            load_trained(path)
        assert "save the state dict alone" in str(error.value) and "\n" not in str(error.value)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_file_cut_short_is_refused(suffix, share, tmp_path):
    network, _ = build_backbone("resnet_tiny")
    path = tmp_path / f"tiny{suffix}"
    write = safetensors.torch.save_file if suffix == ".safetensors" else torch.save
    write(network.state_dict(), path)
    data = path.read_bytes()
    path.write_bytes(data[: math.floor(len(data) * share)])
    with pytest.raises(VidclError, match=path.name) as error:
        load_trained(path)
    assert "\n" not in str(error.value)


def test_names_are_taken_apart():
    one = torch.zeros(1)
    parts = take_apart(
        {"encoder_q.backbone.a": one, "encoder_q.head.weight": one, "queue": one, "n": 3}
    )
    assert parts.backbone == {"a": one} and parts.head == {"weight": one}
    assert parts.others == ("queue",)
    assert take_apart({"encoder.layers.a": one}).backbone.keys() == {"encoder.layers.a"}
    assert grouped([f"a.b.{k}" for k in range(9)] + ["c"]) == "a.b.* (9 tensors), c"
