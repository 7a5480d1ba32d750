"""Encoders by one word: names, fingerprints, published preprocessing, tables of others."""

import hashlib
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import torchvision
from PIL import Image

from vidcl.datasets.labelled import open_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation.controls import color_histogram_table, raw_pixels_table
from vidcl.evaluation.embed import embed
from vidcl.evaluation.encoders import named_spec, open_encoder, random_twin
from vidcl.evaluation.encoders.network import network_encoder
from vidcl.evaluation.images import image_source
from vidcl.evaluation.table import table_column, table_features, table_metadata
from vidcl.models.checkpoint import Trained
from vidcl.models.encoder import Architecture, Preprocessing, build_encoder
from vidcl.models.export import export


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (9, 40, 48, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, images):
    folder = tmp_path_factory.mktemp("pictures")
    for k, image in enumerate(images):
        (folder / f"thing{k % 3}").mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / f"thing{k % 3}" / f"{k}.png")
    return open_labelled_set(folder)


@pytest.fixture(scope="module")
def resnet18(tmp_path_factory):
    """A torchvision state dict with its classifier, and the network."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18().eval()
    path = tmp_path_factory.mktemp("weights") / "r18.pth"
    torch.save(network.state_dict(), path)
    network.fc = torch.nn.Identity()
    return path, network


def test_random_is_a_control_drawn_from_its_seed(pictures):
    first, again, other = (
        open_encoder("random:resnet_tiny", size=32, seed=seed) for seed in (0, 0, 1)
    )
    assert (first.name, first.kind, first.width) == ("random:resnet_tiny", "control", 128)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    table = first.table(pictures)
    expected = embed(first.module, pictures)
    assert np.array_equal(table_features(table), table_features(expected))
    assert table_column(table, "class").tolist() == table_column(expected, "class").tolist()
    told = table_metadata(table)
    assert told["seed"] == 0 and told["size"] == 32 and told["preprocessing"]["crop"] == 32
    assert told["content_hash"] == pictures.content_hash()
    assert told["fingerprint"] == first.fingerprint


def test_the_fingerprint_tells_weights_names_and_preprocessing():
    one = open_encoder("random:resnet_tiny", size=32)
    assert len(bytes.fromhex(one.fingerprint)) == 32
    assert open_encoder("random:resnet_tiny", size=40).fingerprint != one.fingerprint
    assert open_encoder("x=random:resnet_tiny", size=32).fingerprint == one.fingerprint
    with torch.no_grad():
        next(one.module.backbone.buffers()).view(-1)[0] += 1e-6
    assert network_encoder(one.module, "n", "trained").fingerprint != one.fingerprint


def test_a_file_of_weights_and_its_random_twin(resnet18, pictures):
    path, network = resnet18
    with pytest.warns(UserWarning, match="not used: fc"):
        opened = open_encoder(str(path), size=64)
    assert (opened.name, opened.kind, opened.width) == ("r18.pth", "trained", 512)
    features = table_features(opened.table(pictures))
    with torch.no_grad():
        decoded = np.stack([image_source(pictures).image(k) for k in range(len(pictures))])
        pixels = torch.from_numpy(decoded).permute(0, 3, 1, 2)
        expected = network(opened.module.preprocess(pixels)).numpy()
    np.testing.assert_allclose(features, expected, atol=1e-5)
    twin = random_twin(opened, seed=3)
    assert (twin.name, twin.kind, twin.preprocessing) == (
        "random resnet18",
        "control",
        opened.preprocessing,
    )
    assert not np.allclose(table_features(twin.table(pictures)), features, atol=1e-2)
    with pytest.raises(ValueError, match="no network"):
        random_twin(open_encoder("raw-pixels"))


def test_a_file_that_says_its_size_keeps_it(tmp_path):
    encoder = build_encoder(Architecture("resnet_tiny"), Preprocessing(32))
    export(Trained(encoder, None, ()), tmp_path / "tiny.safetensors", "safetensors")
    opened = open_encoder(str(tmp_path / "tiny.safetensors"), size=224)
    assert opened.preprocessing["crop"] == 32


def test_names(tmp_path):
    run = tmp_path / "lr=0.1" / "moco"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "last.pt").write_bytes(b"")
    assert named_spec(str(run)) == ("moco", str(run))
    assert named_spec(f"ours={run}") == ("ours", str(run))
    file = str(run / "checkpoints" / "last.pt")
    assert named_spec(file) == ("moco/last", file)
    assert named_spec("a=random:resnet18") == ("a", "random:resnet18")
    assert named_spec("raw-pixels") == ("raw-pixels", "raw-pixels")


def test_controls_are_those_of_the_tables(pictures):
    for word, make in (
        ("color-histogram", color_histogram_table),
        ("raw-pixels", raw_pixels_table),
    ):
        opened = open_encoder(word)
        table = opened.table(pictures)
        assert np.array_equal(table_features(table), table_features(make(pictures)))
        assert opened.kind == "control" and opened.module is None
        assert opened.width == table_features(table).shape[1]
    later = np.concatenate(list(open_encoder("raw-pixels").rows(image_source(pictures), 4)))
    assert np.array_equal(later, table_features(raw_pixels_table(pictures))[4:])


def test_torchvision_weights_with_their_own_preprocessing(resnet18, images):
    path, network = resnet18
    opened = open_encoder(f"torchvision:resnet18@{path}")
    preset = torchvision.models.ResNet18_Weights.DEFAULT.transforms()
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    ours = opened.module.preprocess(pixels)
    # published accuracies are Pillow's, which torch's resize of bytes follows to a level or so
    theirs = torch.stack([preset(Image.fromarray(image)) for image in images])
    assert (ours - theirs).abs().max() < 1.01 / 255 / min(preset.std)
    assert ((ours - theirs).abs() < 1e-5).float().mean() > 0.99
    with torch.no_grad():
        expected = network(ours).numpy()
    table = opened.table(images)
    np.testing.assert_allclose(table_features(table), expected, atol=1e-5)
    assert table_metadata(table)["preprocessing"]["resize"] == 256
    with pytest.raises(VidclError, match="resnet50"):
        open_encoder(f"torchvision:resnet50.IMAGENET1K_V2@{path}")
    assert torch.equal(random_twin(opened).module.preprocess(pixels), ours)


def test_torchvision_weights_from_the_hub(resnet18, tmp_path, monkeypatch):
    path, _ = resnet18
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(VidclError, match=r"resnet18-f37072fd.pth.*torchvision:resnet18@FILE"):
        open_encoder("torchvision:resnet18")
    (tmp_path / "checkpoints").mkdir()
    there = tmp_path / "checkpoints" / "resnet18-f37072fd.pth"
    there.write_bytes(path.read_bytes())
    with pytest.raises(VidclError, match="is damaged"):
        open_encoder("torchvision:resnet18")
    right = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    named = tmp_path / f"resnet18-{right}.pth"
    named.write_bytes(path.read_bytes())
    assert open_encoder(f"torchvision:resnet18@{named}").width == 512


def test_timm_weights_with_their_own_preprocessing(images, tmp_path):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    network = timm.create_model("resnet10t", num_classes=0).eval()
    torch.save(network.state_dict(), tmp_path / "r10.pth")
    opened = open_encoder(f"timm:resnet10t.c3_in1k@{tmp_path / 'r10.pth'}")
    config = timm.data.resolve_data_config(
        pretrained_cfg=timm.models.get_pretrained_cfg("resnet10t.c3_in1k").to_dict()
    )
    transform = timm.data.create_transform(**config, is_training=False)
    theirs = torch.stack([transform(Image.fromarray(image)) for image in images])
    ours = opened.module.preprocess(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous())
    # Pillow's and torch's bicubic round a byte differently now and then
    assert ((ours - theirs).abs() < 1.5 / 255 / min(config["std"])).float().mean() > 0.999
    assert ours.shape == theirs.shape and opened.preprocessing["interpolation"] == "bicubic"
    with torch.no_grad():
        np.testing.assert_allclose(
            table_features(opened.table(images)), network(ours).numpy(), atol=1e-4
        )
    with pytest.raises(VidclError, match=r"timm:resnet10t@FILE"):
        open_encoder("timm:resnet10t")


def test_features_by_path_whatever_their_order(pictures, tmp_path):
    features = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    order = np.random.default_rng(1).permutation(9)
    paths = pictures.labels["path"]
    write(tmp_path / "f.parquet", features[order], path=paths[order].tolist())
    opened = open_encoder(f"theirs=features:{tmp_path / 'f.parquet'}")
    table = opened.table(pictures)
    assert np.array_equal(table_features(table), features)
    assert table_column(table, "class").tolist() == pictures.labels["class"].tolist()
    assert table_metadata(table)["matched_by"] == "path"
    assert (opened.name, opened.kind, opened.width, opened.cached) == (
        "theirs",
        "trained",
        4,
        False,
    )
    part = pictures.subset(np.array([7, 2]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened.check(part)
    assert np.array_equal(table_features(opened.table(part)), features[[7, 2]])


def test_features_by_order_are_said_to_be(pictures, tmp_path):
    features = np.random.default_rng(0).normal(size=(9, 4))
    np.save(tmp_path / "f.npy", features)
    opened = open_encoder(f"features:{tmp_path / 'f.npy'}")
    with pytest.warns(UserWarning, match="in the set's order"):
        opened.check(pictures)
    table = opened.table(pictures)
    assert np.array_equal(table_features(table), features.astype(np.float32))
    assert table_metadata(table)["matched_by"] == "order"
    with pytest.raises(VidclError, match="9 features for 3 images"):
        opened.check(pictures.subset(np.arange(3)))


def write(file, features, **columns):
    lists = pa.array(features.tolist(), pa.list_(pa.float32()))
    pq.write_table(pa.table({"feature": lists, **columns}), file)


def test_wrong_features(pictures, tmp_path):
    paths = pictures.labels["path"].tolist()
    features = np.zeros((9, 2))
    write(tmp_path / "f.parquet", features, path=[*paths[:-1], paths[0]])
    with pytest.raises(VidclError, match="several rows of the path"):
        open_encoder(f"features:{tmp_path / 'f.parquet'}").check(pictures)
    write(tmp_path / "f.parquet", features, path=[*paths[:-1], "other.png"])
    with pytest.raises(VidclError, match="no row for 1 of 9 images"):
        open_encoder(f"features:{tmp_path / 'f.parquet'}").check(pictures)
    ragged = pa.array([[1.0], [1.0, 2.0]], pa.list_(pa.float32()))
    pq.write_table(pa.table({"feature": ragged}), tmp_path / "r.parquet")
    with pytest.raises(VidclError, match="2 different lengths"):
        open_encoder(f"features:{tmp_path / 'r.parquet'}")
    pq.write_table(pa.table({"feature": ["a"]}), tmp_path / "t.parquet")
    with pytest.raises(VidclError, match="lists of numbers"):
        open_encoder(f"features:{tmp_path / 't.parquet'}")
    np.save(tmp_path / "f.npy", np.zeros(3))
    with pytest.raises(VidclError, match=r"\[3\]"):
        open_encoder(f"features:{tmp_path / 'f.npy'}")
    (tmp_path / "x.npy").write_bytes(b"no array")
    with pytest.raises(VidclError, match="no array of NumPy"):
        open_encoder(f"features:{tmp_path / 'x.npy'}")
    with pytest.raises(VidclError, match="no file of features"):
        open_encoder(f"features:{tmp_path / 'none.npy'}")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nowhere/run", "There is no encoder 'nowhere/run'"),
        ("random:resnet9", "resnet9"),
        ("torchvision:resnet9", "no classification network 'resnet9'"),
        ("torchvision:resnet18.V7", "no weights 'V7' of resnet18: choose one of IMAGENET1K_V1"),
        ("timm:resnet9x", "timm has no network 'resnet9x'"),
        ("timm:resnet10t.none", "timm has no weights"),
    ],
)
def test_wrong_words(spec, said):
    with pytest.raises(VidclError, match=said.replace("(", r"\(")) as error:
        open_encoder(spec)
    assert "\n" not in str(error.value)
