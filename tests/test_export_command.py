"""``vidcl export`` as a user meets it: what it writes, says and refuses."""

import sys

import pytest
import torch
import torchvision

from vidcl.cli import main
from vidcl.methods.moco import MoCo
from vidcl.models.checkpoint import load_encoder, save_checkpoint
from vidcl.models.config import ModelConfig
from vidcl.models.encoder import Architecture, Preprocessing
from vidcl.models.tower import Tower


def write_run(folder, model, size=32):
    """A run whose key encoder differs from its query encoder."""
    torch.manual_seed(0)
    method = MoCo(Tower(model, size), model.dim, K=8, m=0.9, T=0.1)
    with torch.no_grad():
        for parameter in method.encoder_k.parameters():
            parameter.add_(1)
    save_checkpoint(
        folder / "checkpoints" / "last.pt",
        step=7,
        method=method,
        architecture=Architecture(model.backbone, model.stem),
        preprocessing=Preprocessing(size, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        config="seed: 0\n",
    )
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"), ModelConfig(backbone="resnet_tiny"))


def test_a_run_becomes_a_file_that_tells_its_network(run, tmp_path, capsys):
    out = tmp_path / "encoder.safetensors"
    assert main(["export", str(run), "--format", "safetensors", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "encoder: resnet_tiny, 32 px, 128 features\n" in said
    assert "differ by at most 0 " in said
    assert "less 0.5 0.5 0.5, over 0.25 0.25 0.25" in said
    assert f"vidcl embed {out}" in said
    x = torch.randn(2, 3, 32, 32)
    again, before = load_encoder(out), load_encoder(run)
    assert again.preprocessing == before.preprocessing
    assert torch.equal(again(x), before(x))


@pytest.mark.parametrize(("shards", "batch_norm"), [(1, False), (2, True)])
def test_the_head_goes_with_moco(shards, batch_norm, tmp_path, capsys):
    model = ModelConfig(
        backbone="resnet18", stem="small", bn_shards=shards, head_batch_norm=batch_norm, hidden=24
    )
    run, out = write_run(tmp_path / "run", model), tmp_path / "moco.pth"
    assert main(["export", str(run), "--format", "moco", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "resnet18, small stem, 32 px, 512 features, with its projection head" in said
    assert "main_lincls.py -a resnet18" in said and "small stem: docs/checkpoints.md" in said
    names = torch.load(out, weights_only=True)["state_dict"]
    assert names["module.encoder_q.fc.0.weight"].shape == (24, 512)
    assert ("module.encoder_q.fc.1.running_mean" in names) == batch_norm


def test_one_format_becomes_another_and_what_is_unused_is_said(tmp_path, capsys):
    source, out = tmp_path / "mobile.pth", tmp_path / "mobile.safetensors"
    torch.save(torchvision.models.mobilenet_v3_small().state_dict(), source)
    words = ["export", str(source), "--format", "safetensors", "--out", str(out)]
    assert main(words) == 1
    assert "--arch" in capsys.readouterr().err
    named = ["--arch", "mobilenet_v3_small", "--size", "64", "--mean", "0.1", "0.2", "0.3"]
    assert main([*words, *named]) == 0
    assert "unused:  classifier.3.weight, classifier.3.bias" in capsys.readouterr().out
    assert load_encoder(out).preprocessing == Preprocessing(64, (0.1, 0.2, 0.3))
    again = ["export", str(out), "--format", "torchvision", "--out", str(tmp_path / "again.pth")]
    assert main(again) == 0
    assert "strict=False)\n         (its classifier stays untrained)" in capsys.readouterr().out


def test_the_next_line_of_a_transformer_has_its_size(tmp_path, capsys):
    model = ModelConfig(backbone="timm:vit_tiny_patch16_224")
    run, out = write_run(tmp_path / "run", model), tmp_path / "vit.pth"
    assert main(["export", str(run), "--format", "timm", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "create_model('vit_tiny_patch16_224', num_classes=0, img_size=32)" in said


def test_a_file_is_not_replaced_unasked(run, tmp_path, capsys):
    out = tmp_path / "encoder.safetensors"
    out.write_text("older")
    words = ["export", str(run), "--format", "safetensors", "--out", str(out)]
    assert main(words) == 1
    assert out.read_text() == "older" and "--overwrite" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0
    assert load_encoder(out).feature_dim == 128


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["nowhere", "--format", "timm"], "nowhere"),
        (["{run}", "--format", "torchvision"], "no network of torchvision"),
        (["{run}", "--format", "safetensors", "--head"], "leave out --head"),
        (["{run}", "--format", "safetensors", "--arch", "resnet18"], "says itself"),
        (["{run}", "--format", "safetensors", "--arch", "resnet181"], "says itself"),
    ],
)
def test_wrong_words_get_one_sentence_and_leave_nothing(words, text, run, tmp_path, capsys):
    out = tmp_path / "out" / "e"
    assert main(["export", *[w.format(run=run) for w in words], "--out", str(out)]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("vidcl: ")]
    assert len(errors) == 1 and text in errors[0]
    assert not out.exists()


@pytest.mark.parametrize(
    ("package", "format"),
    [("onnxscript", "onnx"), ("onnxruntime", "onnx"), ("safetensors.torch", "safetensors")],
)
def test_a_missing_package_is_named_with_its_extra(
    package, format, run, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["export", str(run), "--format", format, "--out", str(tmp_path / "e")]) == 1
    said = capsys.readouterr().err
    assert package in said and "pip install 'vidcl[export]'" in said
    assert not list(tmp_path.iterdir())
