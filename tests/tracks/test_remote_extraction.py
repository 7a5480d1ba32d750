"""A store made from remote files is the store made from the same files in a folder."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.tracks.ray_nodes import ROOT, ray_environment
from tests.tracks.remote_servers import (
    SECRET,
    s3_client,
    s3_environment,
    s3_server,
    web_server,
)
from tests.tracks.test_extraction import CONFIG, pictures
from vidcl.errors import VidclError
from vidcl.tracks.extraction.run import extract
from vidcl.tracks.extraction.videos import read_videos
from vidcl.video.writer import write_video

#: The same settings for the command line.
OPTIONS = [
    *("--follow.proposer", "grid", "--follow.tracker", "static", "--follow.max-regions", "2"),
    *("--follow.follow-rate", "None", "--follow.keep-rate", "5", "--crop.canvas", "16"),
    *("--segments-per-shard", "2"),
]


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    (folder / "b").mkdir()
    for number, name in enumerate(("one.mkv", "b/two.mkv", "three ü.mkv")):
        write_video(folder / name, pictures(number), rate=10)
    (folder / "words.mp4").write_text("these are only words\n" * 40)
    return folder


@pytest.fixture(scope="module")
def local(clips, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("local")
    extract([clips], out, CONFIG)
    return out


@pytest.fixture(scope="module")
def endpoint(clips, tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("s3")) as address:
        client = s3_client(address)
        client.create_bucket(Bucket="films")
        for path in clips.rglob("*.m*"):
            key = f"in/{path.relative_to(clips)}"
            client.put_object(Bucket="films", Key=key, Body=path.read_bytes())
        yield address


@pytest.fixture()
def s3(endpoint, monkeypatch):
    for name, value in s3_environment(endpoint).items():
        monkeypatch.setenv(name, value)
    return s3_client(endpoint)


def rows(store: Path) -> list[dict]:
    """Of all shards in order, without where the file lay."""
    found: list[dict] = []
    for path in sorted(store.glob("shards/*.arrow")):
        with pa.memory_map(str(path)) as source:
            found += pa.ipc.open_file(source).read_all().drop_columns(["video"]).to_pylist()
    return found


def facts(store: Path) -> list[dict]:
    """Of ``videos.parquet``, without where and when, and without the decoder's words."""
    return (
        pq.read_table(store / "videos.parquet")
        .drop_columns(["path", "mtime", "seconds", "message", "native"])
        .to_pylist()
    )


def status(store: Path) -> dict[str, tuple[str, str | None]]:
    table = read_videos(store).to_pylist()
    return {row["path"].rpartition("/")[2]: (row["status"], row["error"]) for row in table}


def check_same(store: Path, local: Path) -> None:
    assert rows(store) == rows(local) and len(rows(local)) > 5
    assert facts(store) == facts(local)
    for path in store.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


def test_a_bucket_gives_the_rows_of_the_folder(s3, local, tmp_path):
    config = CONFIG.model_copy(update={"spool_dir": tmp_path / "spool", "workers": 2})
    extract(["s3://films/in/"], tmp_path / "store", config)
    check_same(tmp_path / "store", local)
    assert {row["path"] for row in read_videos(tmp_path / "store").to_pylist()} == {
        f"s3://films/in/{name}" for name in ("one.mkv", "b/two.mkv", "three ü.mkv", "words.mp4")
    }
    assert list((tmp_path / "spool").iterdir()) == []
    report = extract(["s3://films/in/"], tmp_path / "store", config)
    assert report.shards_done == 0


def test_a_list_of_web_addresses_gives_the_rows_of_the_folder(clips, tmp_path):
    names = [f"{k}.mkv" for k in range(2)]
    folder = tmp_path / "folder"
    folder.mkdir()
    with web_server() as (address, web):
        for name, clip in zip(names, ("one.mkv", "b/two.mkv"), strict=True):
            (folder / name).write_bytes((clips / clip).read_bytes())
            web.files[f"/d/{name}"] = (clips / clip).read_bytes()
        (tmp_path / "list.txt").write_text("".join(f"{address}/d/{name}\n" for name in names))
        config = CONFIG.model_copy(update={"spool_dir": tmp_path / "spool"})
        extract([tmp_path / "list.txt"], tmp_path / "store", config)
    extract([folder], tmp_path / "near", CONFIG)
    check_same(tmp_path / "store", tmp_path / "near")


def test_faults_of_remote_files_are_rows_and_pass(s3, clips, tmp_path):
    data = {name: (clips / name).read_bytes() for name in ("one.mkv", "b/two.mkv")}
    for name in ("stays", "goes", "changes"):
        s3.put_object(Bucket="films", Key=f"f/{name}.mkv", Body=data["one.mkv"])
    spool, out = tmp_path / "spool", tmp_path / "store"
    spool.mkdir()
    config = CONFIG.model_copy(update={"spool_dir": spool, "segments_per_shard": 1})
    small = config.model_copy(update={"spool_gib": 1000 / 2**30})
    with pytest.raises(VidclError):
        extract(["s3://films/f/"], out, small)  # not one track
    assert set(status(out).values()) == {("failed", "too_large")}
    s3.delete_object(Bucket="films", Key="f/goes.mkv")
    s3.put_object(Bucket="films", Key="f/changes.mkv", Body=data["b/two.mkv"])
    sources = [f"s3://films/f/{name}.mkv" for name in ("stays", "changes")]
    extract(sources, out, config, retry_failed=True)
    assert status(out)["stays.mkv"] == ("ok", None)
    assert status(out)["goes.mkv"] == ("failed", "missing")
    assert status(out)["changes.mkv"] == ("ok", None)  # --retry-failed plans it again
    s3.put_object(Bucket="films", Key="f/goes.mkv", Body=data["one.mkv"])
    extract(["s3://films/f/"], out, config, update=True)
    assert set(status(out).values()) == {("ok", None)}
    assert list(spool.iterdir()) == []


@pytest.mark.full
def test_a_bucket_read_on_ray_gives_the_rows_of_the_folder(endpoint, local, tmp_path):
    command = [
        *(sys.executable, "-m", "vidcl.cli", "extract", "s3://films/in/"),
        *("--out", str(tmp_path / "store"), "--engine", "ray", "--workers", "2", *OPTIONS),
    ]
    environment = ray_environment(tmp_path, **s3_environment(endpoint))
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    check_same(tmp_path / "store", local)
