"""The cache of embeddings: the same table, made once, whatever happened in between."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from vidcl.datasets.labelled import open_labelled_set, write_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation import embedding_cache
from vidcl.evaluation.embedding_cache import cache_size, entry, plain_name, table
from vidcl.evaluation.encoders import open_encoder
from vidcl.evaluation.encoders.opened import OpenEncoder
from vidcl.evaluation.table import read_embeddings, table_column, table_features, table_metadata


@pytest.fixture
def data(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (23, 6, 6, 3), dtype=np.uint8)
    labels = {"instance": [f"o{k // 4}" for k in range(23)], "azimuth": np.arange(23) * 15.0}
    write_labelled_set(tmp_path / "s.parquet", "wild", images, labels)
    return open_labelled_set(tmp_path / "s.parquet")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def counting(batch=5, fail_at=None, error=KeyboardInterrupt, name="counter", print_="a"):
    """An encoder that notes the images it saw, and may be stopped before one."""
    seen = []

    def rows(source, start):
        for first in range(start, source.count, batch):
            if fail_at is not None and first <= fail_at < first + batch:
                raise error("stopped")
            here = range(first, min(first + batch, source.count))
            seen.extend(here)
            yield np.stack([source.image(k)[:2].reshape(-1) for k in here]).astype(np.float32)

    return OpenEncoder(name, "trained", print_, None, {"crop": 6}, rows), seen


def test_the_same_table_as_without_a_cache(data, folder):
    encoder, seen = counting()
    progress = []
    expected = encoder.table(data)
    seen.clear()
    made = table(encoder, data, folder, lambda *at: progress.append(at))
    assert made.equals(expected) and table_metadata(made) == table_metadata(expected)
    assert seen == list(range(23)) and progress[-1] == (23, 23)
    again = table(encoder, data, folder)
    assert again.equals(expected) and seen == list(range(23))
    (file,) = folder.rglob("*.parquet")
    assert file.parent.name == "wild" and file.name.startswith("counter-")
    assert np.array_equal(table_features(read_embeddings(file)), table_features(expected))
    assert cache_size(folder) == (1, file.stat().st_size)
    assert not list((folder / ".parts").iterdir())


def test_names_are_not_the_key_but_content_is(data, folder, tmp_path):
    encoder, _ = counting()
    table(encoder, data, folder)
    renamed, seen = counting(name="../other name")
    found = table(renamed, replace(data, name="new"), folder)
    told = table_metadata(found)
    assert not seen and told["encoder"] == "../other name" and told["set"] == "new"
    table(counting(print_="b")[0], data, folder)  # other weights
    table(encoder, data.subset(np.arange(7)), folder)  # other images
    labels = data.labels | {"instance": np.array(["x"] * 23)}
    other = table(encoder, replace(data, labels=labels), folder)  # other labels
    assert table_column(other, "instance").tolist() == ["x"] * 23
    assert cache_size(folder)[0] == 4


def test_a_changed_file_is_embedded_again(tmp_path, folder):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for k in range(3):
        Image.new("RGB", (6, 6), (k, 0, 0)).save(pictures / f"{k}.png")
    encoder, seen = counting()
    table(encoder, open_labelled_set(pictures), folder)
    Image.new("RGB", (6, 6), (200, 1, 77)).save(pictures / "1.png")
    features = table_features(table(encoder, open_labelled_set(pictures), folder))
    assert seen == [0, 1, 2] * 2 and features[1, 0] == 200


@pytest.mark.parametrize("error", [KeyboardInterrupt, VidclError])
def test_goes_on_where_it_was_stopped(data, folder, error):
    stopped, before = counting(fail_at=12, error=error)
    with pytest.raises(error):
        table(stopped, data, folder, part_images=5)
    assert before == list(range(10))
    encoder, after = counting()
    progress = []
    made = table(encoder, data, folder, lambda *at: progress.append(at))
    assert after == list(range(10, 23)) and progress[0] == (10, 23)
    assert made.equals(counting()[0].table(data))
    assert table_metadata(made)["content_hash"] == data.content_hash()


def test_what_is_held_is_written_by_time_and_number(data, folder):
    held = []
    encoder, _ = counting()

    def rows(source, start):
        for batch in encoder.rows(source, start):
            held.append(sorted(path.stem for path in folder.rglob("*-0000*.parquet")))
            yield batch

    table(replace(encoder, rows=rows), data, folder, part_images=10)
    assert held[:3] == [[], [], ["000000000-000000010"]]
    shutil.rmtree(folder)
    held.clear()
    table(replace(encoder, rows=rows), data, folder, part_seconds=0)
    assert held[:3] == [[], ["000000000-000000005"], ["000000000-000000005", "000000005-000000010"]]


@pytest.mark.parametrize("damage", ["cut", "flipped", "other"])
def test_a_damaged_table_is_made_anew(data, folder, damage):
    encoder, seen = counting()
    expected = table(encoder, data, folder)
    (file,) = folder.rglob("*.parquet")
    content = bytearray(file.read_bytes())
    if damage == "cut":
        content = content[:-30]
    elif damage == "flipped":
        where = content.find(table_features(expected)[7].tobytes())
        assert where > 0
        content[where + 2] ^= 0x40
    else:
        content = b"hello"
    file.write_bytes(content)
    seen.clear()
    with pytest.warns(UserWarning, match="damaged .* made anew"):
        again = table(encoder, data, folder)
    assert again.equals(expected) and seen == list(range(23))


def test_a_damaged_part_is_made_anew(data, folder):
    with pytest.raises(KeyboardInterrupt):
        table(counting(fail_at=17)[0], data, folder, part_images=5)
    second = next(folder.rglob("000000005-*.parquet"))
    second.write_bytes(second.read_bytes()[:-8])
    encoder, seen = counting()
    with pytest.warns(UserWarning, match="damaged"):
        made = table(encoder, data, folder)
    assert seen == list(range(5, 23)) and made.equals(counting()[0].table(data))


def test_parts_of_two_processes_overlap(data, folder):
    expected = counting()[0].table(data)
    for batch in (4, 5):  # parts end at different images
        with pytest.raises(KeyboardInterrupt):
            table(counting(batch, fail_at=10 if batch == 4 else 16)[0], data, folder, part_images=1)
        shutil.rmtree(folder.parent / "kept", ignore_errors=True)
        shutil.copytree(folder, folder.parent / f"kept{batch}")
        shutil.rmtree(folder)
    for batch in (4, 5):
        shutil.copytree(folder.parent / f"kept{batch}", folder, dirs_exist_ok=True)
    encoder, seen = counting()
    assert table(encoder, data, folder).equals(expected)
    assert seen == list(range(15, 23))


def test_another_process_was_faster(data, folder):
    """It finishes, and removes the parts, while this one is at its last images."""
    slow, _ = counting()

    def rows(source, start):
        yield from slow.rows(source, start)
        table(counting()[0], data, folder)

    made = table(replace(slow, rows=rows), data, folder, part_images=5)
    assert made.equals(counting()[0].table(data))
    assert cache_size(folder)[0] == 1


def test_a_feature_that_is_not_finite_is_never_kept(data, folder):
    encoder, _ = counting()

    def rows(source, start):
        yield np.full((23, 2), np.nan, np.float32)

    with pytest.raises(VidclError, match="NaN or infinity"):
        table(replace(encoder, rows=rows), data, folder)
    assert not list(folder.rglob("*.parquet"))


def test_a_feature_file_is_not_copied(data, folder, tmp_path):
    np.save(tmp_path / "f.npy", np.ones((23, 3), np.float32))
    found = table(open_encoder(f"features:{tmp_path / 'f.npy'}"), data, folder)
    assert len(found) == 23 and not folder.exists()


def test_a_network_through_the_cache_is_bitwise_the_same(data, folder):
    encoder = open_encoder("random:resnet_tiny", size=32, batch_size=8)
    expected = encoder.table(data)
    made = table(encoder, data, folder, part_images=8)
    assert made.equals(expected)


def test_plain_names():
    assert plain_name("runs/a b") == "runs_a_b" and plain_name("../..") == "_.."
    assert plain_name("") == "_" and plain_name("...") == "_"
    assert len(plain_name("x" * 300)) == 60 and plain_name("é\n\0") == "___"


ROOT = Path(embedding_cache.__file__).parents[2]
KILLED = """
import sys, time
import numpy as np
from vidcl.datasets.labelled import open_labelled_set
from vidcl.evaluation.embedding_cache import table
from vidcl.evaluation.encoders.opened import OpenEncoder

def rows(source, start):
    for first in range(start, source.count):
        yield source.image(first)[:2].reshape(1, -1).astype(np.float32)
        time.sleep(0.05)

encoder = OpenEncoder("counter", "trained", "a", None, {"crop": 6}, rows)
table(encoder, open_labelled_set(sys.argv[1]), sys.argv[2], part_images=1)
"""


def test_a_killed_process_leaves_what_it_had(data, folder, tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "s.parquet"), str(folder)]
    process = subprocess.Popen(
        command, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    deadline = time.monotonic() + 60
    while len(list(folder.rglob("*-*.parquet"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait(60)
    encoder, seen = counting()
    made = table(encoder, data, folder)
    assert 3 <= seen[0] < 23 and seen == list(range(seen[0], 23))
    assert made.equals(counting()[0].table(data))


def test_an_entry_is_written_part_by_part(data, folder):
    """So that the features of a set are never in memory whole."""
    path = entry(counting()[0], data, folder, part_images=10)
    assert pq.ParquetFile(path).num_row_groups == 3
