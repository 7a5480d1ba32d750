"""What is exported is read by the other program, by us again, and refused where it cannot be."""

import re
from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import nn

from vidcl.errors import VidclError
from vidcl.models import export as module
from vidcl.models.checkpoint import Trained, load_trained
from vidcl.models.encoder import Architecture, Preprocessing, build_encoder
from vidcl.models.export import export, fixed_batch
from vidcl.models.heads import build_head
from vidcl.models.layouts import take_apart

DOCS = Path(__file__).parents[2] / "docs" / "checkpoints.md"
PREPROCESSING = Preprocessing(32, (0.5, 0.4, 0.3), (0.25, 0.2, 0.1))
VIT = "timm:vit_small_patch16_224"


def make(name, stem="imagenet", *, dim=16):
    torch.manual_seed(0)
    encoder = build_encoder(Architecture(name, stem), PREPROCESSING)
    for part in encoder.modules():  # statistics that show when they are lost
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 2)
    head = build_head("mlp", encoder.feature_dim, dim, hidden=24).eval()
    return Trained(encoder, head, ())


@pytest.fixture(scope="module")
def plain():
    return make("resnet18")


@pytest.fixture(scope="module")
def small():
    return make("resnet18", "small")


@pytest.fixture(scope="module")
def vit():
    return make(VIT)


@pytest.fixture(scope="module")
def onnx_file(plain, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "encoder.onnx"
    return path, export(plain, path, "onnx", head=True)


def outputs(trained, x):
    with torch.no_grad():
        features = trained.encoder(x)
        return features, None if trained.head is None else trained.head(features)


@pytest.mark.parametrize("format", ["torchvision", "timm", "moco", "safetensors"])
@pytest.mark.parametrize("which", ["plain", "small"])
def test_a_resnet_is_read_again(which, format, request, tmp_path):
    trained = request.getfixturevalue(which)
    path = tmp_path / "deep" / "encoder.file"
    result = export(trained, path, format)
    features, projections = outputs(trained, fixed_batch(32))
    assert result.difference <= 1e-5 * result.scale
    assert result.scale >= float(features.abs().max())
    again = load_trained(path)
    assert again.encoder.architecture == trained.encoder.architecture
    if format == "safetensors":
        assert again.encoder.preprocessing == PREPROCESSING
    read, head_read = outputs(again, fixed_batch(32))
    assert torch.equal(read, features)
    if format == "moco":
        assert result.head and torch.equal(head_read, projections)
    else:
        assert not result.head and again.head is None
    assert [entry.name for entry in path.parent.iterdir()] == ["encoder.file"]


@pytest.mark.parametrize("format", ["timm", "safetensors"])
def test_a_vision_transformer_is_read_again(vit, format, tmp_path):
    path = tmp_path / "vit"
    export(vit, path, format)
    again = load_trained(path)
    assert again.encoder.architecture == Architecture(VIT)
    assert again.encoder.preprocessing.size == 32
    assert torch.equal(outputs(again, fixed_batch(32))[0], outputs(vit, fixed_batch(32))[0])


def test_moco_has_the_official_names(plain, tmp_path):
    export(plain, tmp_path / "moco.pth", "moco")
    content = torch.load(tmp_path / "moco.pth", weights_only=True)
    assert content["arch"] == "resnet18"
    expected = {f"module.encoder_q.{name}" for name in plain.encoder.backbone.state_dict()}
    expected |= {
        f"module.encoder_q.fc.{layer}.{kind}" for layer in (0, 2) for kind in ("weight", "bias")
    }
    assert content["state_dict"].keys() == expected
    export(Trained(plain.encoder, None, ()), tmp_path / "bare.pth", "moco")
    parts = take_apart(torch.load(tmp_path / "bare.pth", weights_only=True)["state_dict"])
    assert not parts.head and not parts.others


def run_onnx(path, x):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return [torch.from_numpy(part) for part in session.run(None, {"images": x.numpy()})]


def test_onnx_takes_any_batch_and_says_what_it_is(plain, onnx_file):
    path, result = onnx_file
    assert result.head and result.difference < 1e-4 * result.scale
    for count in (1, 2, 7):
        x = torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(count))
        for got, want in zip(run_onnx(path, x), outputs(plain, x), strict=True):
            torch.testing.assert_close(got, want, atol=1e-4, rtol=1e-4)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["features", "projections"]
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["architecture"] == "resnet18" and facts["size"] == "32"
    assert facts["mean"] == "[0.5, 0.4, 0.3]" and facts["std"] == "[0.25, 0.2, 0.1]"
    data = path.read_bytes()
    # no paths of the machine that wrote it
    assert b"site-packages" not in data and str(DOCS.parents[1]).encode() not in data


@pytest.mark.parametrize("which", ["small", "vit"])
def test_onnx_of_other_networks(which, request, tmp_path):
    trained = request.getfixturevalue(which)
    result = export(trained, tmp_path / "e.onnx", "onnx")
    assert not result.head
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(5))
    (got,) = run_onnx(tmp_path / "e.onnx", x)
    torch.testing.assert_close(got, outputs(trained, x)[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("wrong", [1e-3, float("nan")])
def test_what_reads_back_wrong_is_not_left_there(plain, wrong, tmp_path, monkeypatch):
    path = tmp_path / "encoder.pth"
    right = module.read_back
    monkeypatch.setattr(module, "read_back", lambda *a: [out + wrong for out in right(*a)])
    with pytest.raises(VidclError, match="outputs differ by"):
        export(plain, path, "torchvision")
    assert not list(tmp_path.iterdir())
    path.write_bytes(b"older")
    with pytest.raises(VidclError, match="outputs differ by"):
        export(plain, path, "torchvision", overwrite=True)
    assert path.read_bytes() == b"older"


def test_a_lost_tensor_is_found_by_reading_back(plain, tmp_path, monkeypatch):
    whole = module._tensors

    def without(*words):
        return {name: v for name, v in whole(*words).items() if name != "layer1.0.bn1.weight"}

    monkeypatch.setattr(module, "_tensors", without)
    with pytest.raises(VidclError, match=r"layer1\.0\.bn1\.weight"):
        export(plain, tmp_path / "encoder.pth", "torchvision")
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_on_request_only(tmp_path):
    tiny, path = make("resnet_tiny"), tmp_path / "tiny.safetensors"
    path.write_bytes(b"older")
    with pytest.raises(VidclError, match="--overwrite"):
        export(tiny, path, "safetensors")
    assert path.read_bytes() == b"older"
    export(tiny, path, "safetensors", overwrite=True)
    assert load_trained(path).encoder.architecture == Architecture("resnet_tiny")
    with pytest.raises(VidclError, match="is there already"):
        export(tiny, tmp_path, "safetensors", overwrite=True)


@pytest.mark.parametrize(
    ("name", "format", "text"),
    [
        ("resnet_tiny", "torchvision", "no network of torchvision.*safetensors"),
        ("resnet_tiny", "timm", "no network of timm"),
        ("resnet_tiny", "moco", "reads ResNets of torchvision"),
        ("timm:resnet18", "torchvision", "--format timm"),
        ("timm:resnet18", "moco", "--format timm"),
        ("mobilenet_v2", "timm", "no network of timm"),
        ("shufflenet_v2_x0_5", "moco", "reads ResNets of torchvision"),
    ],
)
def test_a_format_without_place_for_a_network_is_refused(name, format, text, tmp_path):
    with pytest.raises(VidclError, match=text):
        export(make(name), tmp_path / "e", format)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", ["safetensors", "onnx"])
def test_a_network_of_more_channels_is_read_again(format, tmp_path):
    torch.manual_seed(0)
    encoder = build_encoder(Architecture("conv_tiny", channels=5), PREPROCESSING)
    path = tmp_path / f"encoder.{format}"
    assert export(Trained(encoder, None, ()), path, format).difference < 1e-4
    with pytest.raises(VidclError, match="5 channels and an image has three"):
        encoder.preprocess(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    if format == "safetensors":
        again = load_trained(path).encoder
        assert again.architecture == encoder.architecture
        x = fixed_batch(32, 5)
        assert torch.equal(again(x), encoder(x))
    with pytest.raises(VidclError, match="5 channels"):
        resnet = build_encoder(Architecture("resnet18", channels=5), PREPROCESSING)
        export(Trained(resnet, None, ()), tmp_path / "a.pth", "torchvision")


def test_a_head_goes_into_onnx_only_and_must_be_there(plain, tmp_path):
    for trained, format in ((plain, "timm"), (Trained(plain.encoder, None, ()), "onnx")):
        with pytest.raises(VidclError, match="leave out --head"):
            export(trained, tmp_path / "e", format, head=True)


def test_the_snippets_of_the_page_give_the_features(
    plain, small, vit, onnx_file, tmp_path, monkeypatch
):
    """Every Python block of docs/checkpoints.md reads a file named in it and sets ``features``."""
    monkeypatch.chdir(tmp_path)
    Path("encoder.onnx").write_bytes(onnx_file[0].read_bytes())
    for format in ("torchvision", "timm", "moco"):
        export(plain, f"encoder.{format}.pth", format)
    export(plain, "encoder.safetensors", "safetensors")
    export(small, "small.pth", "torchvision")
    export(vit, "vit.pth", "timm")
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(blocks) >= 7
    images = fixed_batch(32)
    for block in blocks:
        trained = small if "small.pth" in block else vit if "vit.pth" in block else plain
        space = {"images": images}
        with torch.no_grad():
            exec(block, space)
        got = torch.as_tensor(space["features"])
        torch.testing.assert_close(
            got,
            outputs(trained, images)[0],
            atol=1e-4,
            rtol=1e-4,
            msg=lambda m, b=block: f"{b}\n{m}",
        )
        assert len(block.strip().splitlines()) <= 9
