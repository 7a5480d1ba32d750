"""Remote files are fetched whole or not at all, one at a time, within bounds, and leave nothing."""

import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from tests.tracks.remote_servers import s3_client, s3_environment, s3_server, web_server
from vidcl.tracks.extraction import fetch, spool
from vidcl.tracks.extraction.fetch import Patience
from vidcl.tracks.extraction.remote import list_remote
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.extraction.spool import Spool, SpoolConfig
from vidcl.video.errors import VideoError

QUICK = Patience(connect_seconds=5.0, read_seconds=5.0, tries=3, pause_seconds=0.01)
DATA = bytes(range(256)) * 12_000


@pytest.fixture()
def web():
    with web_server() as (address, served):
        served.files["/a.mp4"] = DATA
        served.files["/b.mkv"] = DATA[::-1]
        yield address, served


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("s3")) as address:
        client = s3_client(address)
        client.create_bucket(Bucket="films")
        client.put_object(Bucket="films", Key="a b/ü?#.mp4", Body=DATA)
        client.put_object(Bucket="films", Key="empty.mp4", Body=b"")
        yield address


@pytest.fixture()
def s3(endpoint, monkeypatch):
    for name, value in s3_environment(endpoint).items():
        monkeypatch.setenv(name, value)
    return s3_client(endpoint)


def config(folder: Path, size: int = 2**30, patience: Patience = QUICK) -> SpoolConfig:
    return SpoolConfig(str(folder), size, patience)


def planned(url: str) -> Source:
    return list_remote(url, frozenset({".mp4", ".mkv"}))[0]


def fault(folder: Path, source: Source, **settings) -> VideoError:
    """The error of fetching, after which nothing may be left."""
    with Spool(config(folder, **settings)) as spooled, pytest.raises(VideoError) as caught:
        spooled.local(source)
    assert list(folder.iterdir()) == []
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_local_file_is_itself(tmp_path):
    with Spool(config(tmp_path / "none")) as spooled:
        assert spooled.local(Source("x", "/videos/x.mp4", 1, 1)) == Path("/videos/x.mp4")
    assert not (tmp_path / "none").exists()


def test_one_file_at_a_time_and_kept_while_it_is_read(web, tmp_path):
    address, served = web
    first, second = planned(f"{address}/a.mp4"), planned(f"{address}/b.mkv")
    served.seen.clear()
    with Spool(config(tmp_path)) as spooled:
        path = spooled.local(first)
        assert path.suffix == ".mp4" and path.read_bytes() == DATA
        assert spooled.local(first) == path
        assert list(tmp_path.iterdir()) == [path]
        other = spooled.local(second)
        assert other.suffix == ".mkv" and other.read_bytes() == DATA[::-1]
        assert list(tmp_path.iterdir()) == [other]
    assert list(tmp_path.iterdir()) == []
    assert served.seen == [("GET", "/a.mp4", None), ("GET", "/b.mkv", None)]


def test_s3_objects_are_fetched_in_pieces(s3, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "_CHUNK", 1_000_000)
    with Spool(config(tmp_path)) as spooled:
        assert spooled.local(planned("s3://films/a b/ü?#.mp4")).read_bytes() == DATA
        assert spooled.local(planned("s3://films/empty.mp4")).read_bytes() == b""
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_remote_file_names_no_local_one(web, tmp_path):
    address, served = web
    served.files["/..%2F..%2Fx.m$p"] = b"1"
    with Spool(config(tmp_path)) as spooled:
        path = spooled.local(planned(f"{address}/..%2F..%2Fx.m$p"))
        assert path.parent == tmp_path and path.suffix == ""


def test_without_a_folder_a_private_one_is_used(web, tmp_path, monkeypatch):
    monkeypatch.setattr(spool.tempfile, "gettempdir", lambda: str(tmp_path))
    source = planned(f"{web[0]}/a.mp4")
    with Spool(SpoolConfig(patience=QUICK)) as spooled:
        folder = spooled.local(source).parent
        assert folder.parent == tmp_path and folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with Spool(SpoolConfig(patience=QUICK)) as spooled, pytest.raises(VideoError) as caught:
        spooled.local(source)
    assert caught.value.kind == "remote" and "somebody else" in str(caught.value)


def test_a_file_beyond_the_spool_is_refused_before_it_is_asked_for(web, tmp_path):
    address, served = web
    source = planned(f"{address}/a.mp4")
    served.seen.clear()
    assert fault(tmp_path, source, size=1000).kind == "too_large"
    assert served.seen == []


def test_a_file_that_told_no_size_is_cut_off_at_the_bound(web, tmp_path):
    address, served = web
    served.told_length = -1
    source = planned(f"{address}/a.mp4")
    assert source.size == 0
    with Spool(config(tmp_path)) as spooled:
        assert spooled.local(source).read_bytes() == DATA
    assert fault(tmp_path, source, size=len(DATA) - 1).kind == "too_large"


def test_a_disk_without_room_is_told(web, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    source = planned(f"{web[0]}/a.mp4")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, spool._RESERVE + 1000))
    error = fault(tmp_path, source)
    assert error.kind == "remote" and "--spool-dir" in str(error)


def test_a_disk_that_fills_meanwhile_is_told(web, tmp_path):
    """A real file limit of the process stands for the disk."""
    code = (
        "import resource, signal, sys\n"
        "from tests.tracks.test_spool import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "source = planned(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "error = fault(Path(sys.argv[2]), source)\n"
        "assert error.kind == 'remote' and 'cannot be spooled' in str(error), error\n"
    )
    run_python(code, f"{web[0]}/a.mp4", str(tmp_path))


def test_the_same_error_is_given_again_without_asking(web, tmp_path):
    address, served = web
    source = planned(f"{address}/a.mp4")
    del served.files["/a.mp4"]
    with Spool(config(tmp_path)) as spooled:
        for _ in range(3):
            with pytest.raises(VideoError):
                spooled.local(source)
            served.seen.clear()
        assert served.seen == []
        assert spooled.local(planned(f"{address}/b.mkv")).read_bytes() == DATA[::-1]


def test_what_a_killed_worker_left_is_removed_and_what_is_in_use_is_not(web, tmp_path):
    address, _ = web
    code = (
        "import sys, time\n"
        "from tests.tracks.test_spool import *\n"
        "spooled = Spool(config(Path(sys.argv[2])))\n"
        "print(spooled.local(planned(sys.argv[1])), flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, f"{address}/a.mp4", str(tmp_path)]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        left = Path(worker.stdout.readline().strip())
        assert left.read_bytes() == DATA
        with Spool(config(tmp_path)) as spooled:
            spooled.local(planned(f"{address}/b.mkv"))
            assert left.exists()
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        assert left.exists()
        with Spool(config(tmp_path)) as spooled:
            spooled.local(planned(f"{address}/b.mkv"))
            assert not left.exists()
    finally:
        worker.kill()
        worker.wait()


def test_a_forked_child_connects_anew(s3, tmp_path):
    source = planned("s3://films/a b/ü?#.mp4")
    with Spool(config(tmp_path)) as spooled:
        spooled.local(source)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                other = planned("s3://films/empty.mp4")
                with Spool(config(tmp_path)) as own:
                    own._fetcher = spooled._fetcher
                    status = own.local(other).stat().st_size
                    status += own.local(source).stat().st_size != len(DATA)
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert spooled.local(source).exists()


#: Of the repository, for the processes that import this module.
ROOT = Path(__file__).parents[2]


def run_python(code: str, *arguments: str) -> None:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
