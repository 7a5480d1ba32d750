"""Local features: maps equal the network's own by hand; k-means finds what lies apart."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vidcl.errors import VidclError
from vidcl.evaluation.local.features import (
    LocalMaps,
    local_features,
    map_shapes,
    raw_patches,
)
from vidcl.evaluation.local.location_clusters import cluster_locations
from vidcl.models.encoder import Architecture, Encoder, Preprocessing, build_encoder


def an_encoder(name="resnet_tiny", size=32):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = build_encoder(Architecture(name), Preprocessing(size))
        for module in encoder.modules():
            if isinstance(module, torch.nn.BatchNorm2d):  # so that training mode would show
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
    return encoder


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)


def by_hand(encoder, images):
    """The maps of a ResNetTiny, one image at a time, each location divided by its length."""
    network, found = encoder.backbone.eval(), {"bn1": [], "layer1": [], "layer2": [], "layer3": []}
    for image in images:
        with torch.no_grad():
            x = encoder.preprocess(torch.from_numpy(image).permute(2, 0, 1)[None])
            x = network.bn1(network.conv1(x))
            found["bn1"].append(x[0])
            x = F.relu(x)
            for name in ("layer1", "layer2", "layer3"):
                x = getattr(network, name)(x)
                found[name].append(x[0])
    maps = {}
    for name, each in found.items():
        out = np.zeros((len(each), *each[0].shape[1:], each[0].shape[0]), np.float32)
        for n, channels in enumerate(each):
            for y in range(out.shape[1]):
                for x in range(out.shape[2]):
                    vector = channels[:, y, x].numpy()
                    out[n, y, x] = vector / max(np.sqrt((vector**2).sum()), 1e-12)
        maps[name] = out
    return maps


@pytest.mark.parametrize("batch_size", [2, 16])
def test_maps_equal_the_networks_own(images, batch_size):
    encoder = an_encoder()
    wanted = by_hand(encoder, images)
    encoder.train()
    # bn1 is overwritten in place by the ReLU behind it
    found = local_features(encoder, images, list(wanted), batch_size=batch_size, device="cpu")
    assert list(found) == list(wanted)
    for name, maps in found.items():
        assert maps.dtype == np.float32
        np.testing.assert_allclose(maps, wanted[name], atol=2e-6)
    assert encoder.training and encoder.backbone.bn1.training
    assert not any(module._forward_hooks for module in encoder.modules())


def test_all_stages_by_default_and_finer_maps_from_larger_input(images):
    encoder = an_encoder()
    shapes = {name: maps.shape for name, maps in local_features(encoder, images).items()}
    assert shapes == {
        "layer1": (5, 16, 16, 32),
        "layer2": (5, 8, 8, 64),
        "layer3": (5, 4, 4, 128),
    }
    larger = local_features(encoder, images, size=64)
    assert larger["layer3"].shape == (5, 8, 8, 128)
    assert encoder.preprocessing.size == 32


@pytest.mark.parametrize(("name", "stages"), [("resnet18", 4), ("resnet50", 4)])
def test_resnets_have_their_stages(name, stages):
    with torch.device("meta"):
        backbone = build_encoder(Architecture(name), Preprocessing(64)).backbone
    backbone = backbone.to_empty(device="cpu")
    for tensor in (*backbone.parameters(), *backbone.buffers()):
        tensor.data.fill_(0)
    encoder = Encoder(backbone, 1, Preprocessing(64), Architecture(name))
    maps = LocalMaps(encoder)
    assert list(maps.shapes) == [f"layer{k}" for k in range(1, stages + 1)]
    assert [shape[1] for shape in maps.shapes.values()] == [16, 8, 4, 2]
    assert "layer4.0.conv2" in map_shapes(encoder)
    assert "layer4.0.relu" not in map_shapes(encoder)  # runs several times in a pass


@pytest.mark.parametrize(
    ("name", "layers", "size", "sentence"),
    [
        ("resnet_tiny", ["layer4"], None, "layer1, layer2, layer3"),
        ("resnet_tiny", [], None, "name layers among"),
        ("conv_tiny", None, None, "features"),
        ("conv_tiny", ["features"], 64, "cannot work on images of 64 px"),
        ("vit_b_16", ["encoder"], None, "no map encoder"),
    ],
)
def test_what_gives_no_map_is_told(name, layers, size, sentence):
    if name == "vit_b_16":
        encoder = small_transformer()
    else:
        encoder = an_encoder(name)
    with pytest.raises(VidclError, match=sentence):
        LocalMaps(encoder, layers, size)


class SmallTransformer(torch.nn.Module):
    """Tokens, and no maps beyond its first layer."""

    def __init__(self):
        super().__init__()
        self.conv_proj = torch.nn.Conv2d(3, 8, 8, 8)
        self.encoder = torch.nn.Linear(8, 8)

    def forward(self, x):
        return self.encoder(self.conv_proj(x).flatten(2).transpose(1, 2)).mean(1)


def small_transformer():
    return Encoder(SmallTransformer(), 8, Preprocessing(32), Architecture("vit_b_16"))


@pytest.mark.parametrize(("side", "patch"), [(12, 4), (13, 4), (15, 4), (9, 9)])
def test_raw_patches_are_the_pixels(side, patch):
    images = np.random.default_rng(1).integers(0, 256, (3, side, side, 3), dtype=np.uint8)
    images[0] = 0  # black stays a zero vector
    cells, offset = side // patch, (side - side // patch * patch) // 2
    for unit in (True, False):
        found = raw_patches(images, patch, unit=unit)
        assert found.shape == (3, cells, cells, 3 * patch**2) and found.dtype == np.float32
        for n in range(3):
            for row in range(cells):
                for column in range(cells):
                    top, left = offset + row * patch, offset + column * patch
                    cut = images[n, top : top + patch, left : left + patch].reshape(-1) / 255
                    length = np.sqrt((cut**2).sum()) if unit else 1
                    np.testing.assert_allclose(
                        found[n, row, column], cut / (length or 1), atol=1e-6
                    )
    with pytest.raises(VidclError, match="does not fit"):
        raw_patches(images, side + 1)


def test_kmeans_finds_what_is_apart():
    generator = np.random.default_rng(2)
    centres = 10 * np.eye(4, 6, dtype=np.float32)
    truth = generator.choice(4, (7, 5, 3), p=[0.1, 0.4, 0.3, 0.2])
    maps = (centres[truth] + 0.1 * generator.standard_normal((7, 5, 3, 6))).astype(np.float32)
    found = cluster_locations(maps, 4, seed=1)
    assert found.assignments.shape == truth.shape and found.assignments.dtype == np.int64
    by_size = np.argsort(-np.bincount(truth.ravel()))  # cluster 0 is the largest
    np.testing.assert_array_equal(by_size[found.assignments], truth)
    np.testing.assert_array_equal(found.sizes, np.bincount(truth.ravel())[by_size])
    # against sums taken one by one
    inertia = 0.0
    for k in range(4):
        members = maps[found.assignments == k].astype(np.float64)
        np.testing.assert_allclose(found.centroids[k], members.mean(0), atol=1e-4)
        inertia += ((members - members.mean(0)) ** 2).sum()
    assert found.inertia == pytest.approx(inertia, rel=1e-6)


def test_every_location_is_with_its_nearest_centroid_and_seeds_repeat():
    maps = np.random.default_rng(3).standard_normal((4, 9, 9, 5)).astype(np.float32)
    found, again = (cluster_locations(maps, 6, seed=5) for _ in range(2))
    np.testing.assert_array_equal(found.assignments, again.assignments)
    np.testing.assert_array_equal(found.centroids, again.centroids)
    assert found.inertia == again.inertia
    points = maps.reshape(-1, 5).astype(np.float64)
    distances = ((points[:, None] - found.centroids[None]) ** 2).sum(2)
    np.testing.assert_array_equal(distances.argmin(1), found.assignments.ravel())
    assert found.inertia == pytest.approx(distances.min(1).sum(), rel=1e-6)
    assert (np.diff(found.sizes) <= 0).all()
    other = cluster_locations(maps, 6, seed=6, restarts=1)
    assert (other.assignments != found.assignments).any()


def test_as_many_clusters_as_locations_and_no_more():
    maps = np.random.default_rng(4).standard_normal((1, 2, 2, 3)).astype(np.float32)
    assert sorted(cluster_locations(maps, 4).assignments.ravel()) == [0, 1, 2, 3]
    for clusters in (5, 0):
        with pytest.raises(VidclError, match="4 locations cannot form"):
            cluster_locations(maps, clusters)
    same = cluster_locations(np.ones((2, 3, 3, 2), np.float32), 3)  # fewer kinds than clusters
    assert len(set(same.assignments.ravel().tolist())) == 1
    assert same.sizes.tolist() == [18, 0, 0] and same.inertia == pytest.approx(0, abs=1e-9)
