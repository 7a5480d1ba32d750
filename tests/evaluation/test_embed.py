"""Embedding: features do not depend on batching, labels travel, the encoder is left as it was."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from vidcl.commands import embed as command
from vidcl.datasets.labelled import open_labelled_set, write_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation.controls import color_histogram_table, iid_table, raw_pixels_table
from vidcl.evaluation.embed import (
    _prepared,
    embed,
    feature_batches,
    read_embeddings,
    write_embeddings,
)
from vidcl.evaluation.images import image_source
from vidcl.evaluation.reading import ahead, chunks
from vidcl.evaluation.table import table_column, table_features, table_metadata


class SmallEncoder(nn.Module):
    """A convolution with batch normalisation, so that training mode would show."""

    def __init__(self, dim=7):
        super().__init__()
        torch.manual_seed(0)
        self.preprocessing = SimpleNamespace(size=8)
        self.frozen = nn.BatchNorm2d(3).eval()
        self.body = nn.Sequential(nn.Conv2d(3, dim, 3), nn.BatchNorm2d(dim), nn.ReLU())

    def preprocess(self, images):
        assert images.dtype == torch.uint8 and images.shape[1] == 3
        return functional.interpolate(images.float() / 255, (8, 8), mode="area") - 0.5

    def forward(self, images):
        return self.body(self.frozen(images)).mean(dim=(2, 3))


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (11, 16, 16, 3), dtype=np.uint8)


def test_equals_one_image_at_a_time_whatever_the_batch(images):
    encoder = SmallEncoder().eval()
    with torch.no_grad():
        alone = [
            encoder(encoder.preprocess(torch.from_numpy(i).permute(2, 0, 1)[None])) for i in images
        ]
    expected = torch.cat(alone).numpy()
    for batch_size in (1, 4, 256):
        features = table_features(embed(encoder, images, batch_size=batch_size))
        np.testing.assert_allclose(features, expected, atol=1e-6)


def test_leaves_the_encoder_as_it_was(images):
    encoder = SmallEncoder().train()
    encoder.frozen.eval()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    embed(encoder, images)
    assert encoder.training and encoder.body[1].training and not encoder.frozen.training
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())


def test_labels_and_metadata_travel_through_parquet(tmp_path, images):
    write_labelled_set(
        tmp_path / "s.parquet",
        "wild",
        images,
        {"instance": list("abcdefghijk"), "azimuth": range(11)},
    )
    seen = []
    table = embed(
        SmallEncoder(),
        tmp_path / "s.parquet",
        batch_size=4,
        name="tiny",
        progress=lambda done, total: seen.append((done, total)),
    )
    write_embeddings(table, tmp_path / "e.parquet")
    again = read_embeddings(tmp_path / "e.parquet")
    assert np.array_equal(table_features(again), table_features(table))
    assert table_column(again, "instance").tolist() == list("abcdefghijk")
    assert table_column(again, "azimuth").tolist() == list(range(11))
    assert table_metadata(again) == {
        "encoder": "tiny",
        "size": 8,
        "set": "wild",
        "images": 11,
        "content_hash": open_labelled_set(tmp_path / "s.parquet").content_hash(),
    }
    assert seen == [(4, 11), (8, 11), (11, 11)]


@pytest.mark.parametrize("boxes", [False, True])
def test_the_content_hash_is_the_sets_own_without_a_second_reading(tmp_path, images, boxes):
    write_labelled_set(tmp_path / "s.parquet", "s", images, {"instance": list("abcdefghijk")})
    data = open_labelled_set(tmp_path / "s.parquet")
    if boxes:
        data = replace(data, boxes=np.tile([1.0, 2.0, 9.5, 11.0], (11, 1)))
    reads = []
    counted = replace(data, read=lambda index: reads.append(index) or data.read(index))
    table = embed(SmallEncoder(), counted)
    assert sorted(reads) == list(range(11))
    assert table_metadata(table)["content_hash"] == data.content_hash()


def test_threads_and_the_place_of_the_first_image_do_not_matter(images):
    encoder, source = SmallEncoder().eval(), image_source(np.tile(images, (4, 1, 1, 1)))
    with torch.inference_mode():
        whole = np.concatenate(list(feature_batches(encoder, source, batch_size=20, workers=0)))
        for workers in (1, 3):
            batches = list(feature_batches(encoder, source, batch_size=20, workers=workers))
            assert [len(batch) for batch in batches] == [20, 20, 4]
            assert np.array_equal(np.concatenate(batches), whole)
    later = np.concatenate(list(feature_batches(encoder, source, start=20, batch_size=20)))
    assert np.array_equal(later, whole[20:])


def test_what_is_prepared_on_a_device_is_what_threads_prepare(images):
    """The way of a GPU, on the CPU: neighbours of one shape together, in order."""
    encoder = SmallEncoder()
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    groups = [pixels[:3], pixels[3:4], pixels[4:7, :, :9], pixels[7:8]]
    made = _prepared(encoder, groups, torch.device("cpu"))
    expected = torch.cat([encoder.preprocess(group) for group in groups])
    assert torch.equal(made, expected)
    groups[1] = encoder.preprocess(groups[1])  # as of a large image
    assert torch.equal(_prepared(encoder, groups, torch.device("cpu")), expected)


def test_the_command_takes_every_word(tmp_path, images, capsys):
    write_labelled_set(tmp_path / "s.parquet", "s", images, {"instance": range(11)})
    out = tmp_path / "out.parquet"
    for word, width in (("raw-pixels", 768), ("x=random:resnet_tiny", 128)):
        words = [word, str(tmp_path / "s.parquet"), "--out", str(out), "--size", "16"]
        assert command.run(words) == 0
        table = read_embeddings(out)
        assert table_features(table).shape == (11, width)
        assert "vidcl evaluate" in capsys.readouterr().out
    assert table_metadata(table)["encoder"] == "x" and table_metadata(table)["size"] == 16
    np.save(tmp_path / "f.npy", np.zeros((5, 3)))
    with pytest.raises(VidclError, match="5 features for 11 images"):
        command.run(
            [f"features:{tmp_path / 'f.npy'}", str(tmp_path / "s.parquet"), "--out", str(out)]
        )


def test_mixed_sizes_do_not_change_their_neighbours(tmp_path, images):
    for k, image in enumerate(images):
        Image.fromarray(image[: 16 - k % 3]).save(tmp_path / f"{k:02}.png")
    encoder = SmallEncoder()
    together = table_features(embed(encoder, tmp_path))
    for k, image in enumerate(images):
        alone = table_features(embed(encoder, image[None, : 16 - k % 3]))
        np.testing.assert_allclose(together[k], alone[0], atol=1e-6)


def test_a_damaged_image_is_named_and_ends_the_threads(tmp_path, images):
    for k, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{k:02}.png")
    (tmp_path / "07.png").write_bytes((tmp_path / "07.png").read_bytes()[:60])
    encoder = SmallEncoder().train()
    with pytest.raises(VidclError, match=r"07\.png"):
        embed(encoder, tmp_path, batch_size=2)
    assert encoder.training
    assert not [t for t in threading.enumerate() if t.name.startswith("vidcl-read")]


def test_the_number_of_threads_of_the_caller_is_left_as_it_was(images):
    before = torch.get_num_threads()
    inside = []
    encoder = SmallEncoder()
    prepare = encoder.preprocess
    encoder.preprocess = lambda x: inside.append(torch.get_num_threads()) or prepare(x)
    embed(encoder, images)
    assert torch.get_num_threads() == before and set(inside) == {1}


def test_reading_ahead_is_in_order_and_bounded():
    begun = []

    def work(first, last):
        begun.append(first)
        return first, last

    spans = list(chunks(3, 250, 100))
    assert spans[0] == (3, 19) and spans[-1][1] == 250 and (99, 103) in spans
    results = ahead(work, spans, depth=2, workers=2)
    for taken, expected in enumerate(spans, start=1):
        assert next(results) == expected
        assert len(begun) <= taken + 2 + 2
    with pytest.raises(StopIteration):
        next(results)


def test_images_of_unlike_size(tmp_path, images):
    Image.fromarray(images[0]).save(tmp_path / "a.png")
    Image.fromarray(images[1][:9, :12]).save(tmp_path / "b.png")
    together = table_features(embed(SmallEncoder(), tmp_path))
    np.testing.assert_allclose(
        together[1], table_features(embed(SmallEncoder(), images[1:2, :9, :12]))[0], atol=1e-6
    )


def test_a_feature_that_is_not_finite_is_an_error(images):
    encoder = SmallEncoder()
    encoder.body[0].bias.data[:] = float("nan")
    with pytest.raises(VidclError, match="11 of 11 features"):
        embed(encoder, images)


def test_wrong_arrays_and_files(tmp_path, images):
    with pytest.raises(VidclError, match="uint8"):
        embed(SmallEncoder(), images.astype(np.float32))
    with pytest.raises(VidclError, match="at least one"):
        embed(SmallEncoder(), images[:0])
    with pytest.raises(VidclError, match="There are no embeddings"):
        read_embeddings(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(VidclError, match="not a Parquet file"):
        read_embeddings(tmp_path / "text.parquet")
    write_labelled_set(tmp_path / "set.parquet", "s", images, {"instance": range(11)})
    with pytest.raises(VidclError, match="no column 'feature'"):
        read_embeddings(tmp_path / "set.parquet")
    with pytest.raises(VidclError, match="no label column 'azimuth'; it has: none"):
        table_column(embed(SmallEncoder(), images), "azimuth")


def test_color_histogram_against_a_loop(images):
    features = table_features(color_histogram_table(images))
    counts = np.zeros((8, 8, 8))
    for red, green, blue in images[3].reshape(-1, 3).tolist():
        counts[red // 32, green // 32, blue // 32] += 1
    np.testing.assert_allclose(features[3], np.sqrt(counts.reshape(-1) / 256), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    moved = color_histogram_table(images[:, ::-1, ::-1])  # blind to where a colour is
    assert np.array_equal(table_features(moved), features)


def test_raw_pixels_against_block_means(images):
    features = table_features(raw_pixels_table(images, size=4))
    means = images[2].reshape(4, 4, 4, 4, 3).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(features[2], (means - means.mean()).reshape(-1), atol=4e-3)
    assert table_features(raw_pixels_table(images)).shape == (11, 768)


def test_iid_rows_keep_the_labels_and_the_seed(images):
    table = color_histogram_table(images)
    table = table.append_column("instance", [[f"o{k}" for k in range(11)]])
    first, again, other = (iid_table(table, 33, seed) for seed in (1, 1, 2))
    assert table_features(first).shape == (11, 33)
    assert np.array_equal(table_features(first), table_features(again))
    assert not np.array_equal(table_features(first), table_features(other))
    assert table_column(first, "instance").tolist() == [f"o{k}" for k in range(11)]
