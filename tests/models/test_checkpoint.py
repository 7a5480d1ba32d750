"""What is written is read back; what is not a checkpoint is refused in one sentence."""

import pickle

import pytest
import torch
import torchvision

from vidcl.errors import VidclError
from vidcl.methods.moco import MoCo
from vidcl.models.checkpoint import (
    load_checkpoint,
    load_encoder,
    random_encoder,
    save_checkpoint,
)
from vidcl.models.config import ModelConfig
from vidcl.models.encoder import Architecture, Preprocessing, build_encoder
from vidcl.models.export import export_state_dict
from vidcl.models.tower import Tower


@pytest.fixture
def run(tmp_path):
    torch.manual_seed(0)
    method = MoCo(Tower(ModelConfig(backbone="resnet_tiny")), 128, K=8, m=0.9, T=0.1)
    save_checkpoint(
        tmp_path / "run" / "checkpoints" / "last.pt",
        step=7,
        method=method,
        architecture=Architecture("resnet_tiny"),
        preprocessing=Preprocessing(32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        config="seed: 0\n",
    )
    return tmp_path / "run", method


def test_a_run_gives_its_encoder(run):
    folder, method = run
    x = torch.randn(2, 3, 32, 32)
    method.eval()
    for path in (folder, folder / "checkpoints" / "last.pt"):
        encoder = load_encoder(path)
        assert encoder.feature_dim == 128 and not encoder.training
        assert encoder.preprocessing == Preprocessing(32, (0.5,) * 3, (0.25,) * 3)
        torch.testing.assert_close(encoder(x), method.encoder_q.backbone(x))
    assert load_checkpoint(folder / "checkpoints" / "last.pt")["step"] == 7


def test_preprocess_resizes_the_shorter_side_and_cuts_the_centre(run):
    encoder = load_encoder(run[0])
    images = torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8)
    got = encoder.preprocess(images)
    small = torch.nn.functional.interpolate(
        images / 255, (32, 48), mode="bilinear", antialias=True
    )[..., 8:40]
    torch.testing.assert_close(got, (small - 0.5) / 0.25)
    same = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(encoder.preprocess(same), (same / 255 - 0.5) / 0.25)


def test_a_random_encoder_is_seeded_and_leaves_the_random_state(run):
    encoder = load_encoder(run[0])
    state = torch.get_rng_state()
    a, b, c = (random_encoder(encoder, seed) for seed in (1, 1, 2))
    assert torch.equal(state, torch.get_rng_state())
    x = torch.randn(2, 3, 32, 32)
    assert torch.equal(a(x), b(x)) and not torch.equal(a(x), c(x))
    assert a.preprocessing == encoder.preprocessing


@pytest.mark.parametrize("layout", ["torchvision", "moco"])
def test_an_exported_encoder_is_read_back(run, tmp_path, layout):
    encoder = load_encoder(run[0])
    state = export_state_dict(encoder, layout)
    torch.save({"state_dict": state}, tmp_path / "out.pth")
    again = load_encoder(tmp_path / "out.pth")
    x = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(again(x), encoder(x))


def test_foreign_layouts_are_recognised(tmp_path):
    torch.manual_seed(0)
    network = torchvision.models.resnet18(weights=None).eval()
    state = network.state_dict()
    torch.save(state, tmp_path / "torchvision.pth")
    official = {f"module.encoder_q.{k}": v for k, v in state.items() if not k.startswith("fc.")}
    official["module.encoder_q.fc.0.weight"] = torch.zeros(512, 512)
    official |= {f"module.encoder_k.{k}": torch.zeros_like(v) for k, v in state.items()}
    official["module.queue"] = torch.zeros(128, 16)
    torch.save({"arch": "resnet18", "epoch": 3, "state_dict": official}, tmp_path / "moco.pth")
    small = build_encoder(Architecture("resnet18", "small"), Preprocessing())
    torch.save(export_state_dict(small), tmp_path / "small.pth")

    network.fc = torch.nn.Identity()
    x = torch.randn(1, 3, 64, 64)
    for name in ("torchvision.pth", "moco.pth"):
        encoder = load_encoder(tmp_path / name)
        assert encoder.architecture == Architecture("resnet18")
        torch.testing.assert_close(encoder(x), network(x))
        moco = export_state_dict(encoder, "moco")
        assert moco.keys() == {k for k in official if "encoder_q" in k and ".fc." not in k}
    assert load_encoder(tmp_path / "small.pth").architecture == Architecture("resnet18", "small")


def test_what_does_not_fit_is_listed(tmp_path):
    state = torchvision.models.resnet18(weights=None).state_dict()
    del state["layer4.1.conv2.weight"]
    torch.save(state, tmp_path / "part.pth")
    with pytest.raises(VidclError, match=r"resnet18.*layer4\.1\.conv2\.weight"):
        load_encoder(tmp_path / "part.pth")
    torch.save({"blocks.0.attn.weight": torch.zeros(3)}, tmp_path / "vit.pth")
    with pytest.raises(VidclError, match=r"blocks\.0\.attn\.weight"):
        load_encoder(tmp_path / "vit.pth")


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_files_that_are_no_checkpoints(tmp_path, capsys):
    (tmp_path / "text.pt").write_text("hello")
    (tmp_path / "empty.pt").write_bytes(b"")
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Evil()))
    torch.save({"x": Evil()}, tmp_path / "evil2.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    for path in sorted(tmp_path.glob("*.pt")):
        with pytest.raises(VidclError, match=path.name) as error:
            load_encoder(path)
        assert "\n" not in str(error.value)
    assert "executed" not in capsys.readouterr().out
    with pytest.raises(VidclError, match="no checkpoint"):
        load_encoder(tmp_path / "missing.pt")
    with pytest.raises(VidclError, match="holds no"):
        load_encoder(tmp_path)


def test_a_newer_checkpoint_and_a_foreign_one_are_refused_for_resume(run):
    path = run[0] / "checkpoints" / "last.pt"
    content = torch.load(path, weights_only=True)
    torch.save(content | {"version": 99}, path)
    with pytest.raises(VidclError, match="newer"):
        load_checkpoint(path)
    with pytest.raises(VidclError, match="newer"):
        load_encoder(path)
    torch.save({"state_dict": {}}, path)
    with pytest.raises(VidclError, match="not a training checkpoint"):
        load_checkpoint(path)
