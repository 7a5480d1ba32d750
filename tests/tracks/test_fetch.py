"""Broken transfers are taken up, passing faults are waited for, and changed files are told."""

from dataclasses import replace

import pytest

from tests.tracks.remote_servers import s3_client, s3_environment, s3_server, web_server
from tests.tracks.test_spool import DATA, QUICK, config, fault, planned
from vidcl.tracks.extraction import fetch, spool
from vidcl.tracks.extraction.fetch import Patience
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.extraction.spool import Spool
from vidcl.video.errors import VideoError


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


def test_a_broken_transfer_is_taken_up_where_it_broke(web, tmp_path):
    address, served = web
    source = planned(f"{address}/a.mp4")
    served.seen.clear()
    served.cut = [1_500_000, 1_000_000]
    with Spool(config(tmp_path)) as spooled:
        assert spooled.local(source).read_bytes() == DATA
    first, *further = [entry[2] for entry in served.seen]
    starts = [int(span.removeprefix("bytes=").removesuffix("-")) for span in further]
    # what the client had not handed on yet when the connection broke is fetched again
    assert first is None and 0 < starts[0] <= 1_500_000
    assert starts[0] <= starts[1] <= starts[0] + 1_000_000


def test_a_server_without_ranges_is_asked_for_all_again(web, tmp_path):
    address, served = web
    source = planned(f"{address}/a.mp4")
    served.ranges, served.cut = False, [1_500_000, 1_000_000]
    with Spool(config(tmp_path)) as spooled:
        assert spooled.local(source).read_bytes() == DATA


def test_a_server_without_a_validator_is_asked_for_all_again(web, tmp_path):
    address, served = web
    served.headers = {}
    source = planned(f"{address}/a.mp4")
    served.seen.clear()
    served.cut = [1_500_000]
    with Spool(config(tmp_path)) as spooled:
        assert spooled.local(source).read_bytes() == DATA
    assert [entry[2] for entry in served.seen] == [None, None]


def test_a_server_that_breaks_off_every_time_is_given_up(web, tmp_path):
    address, served = web
    source = planned(f"{address}/a.mp4")
    served.cut = [10, 10, 10]
    error = fault(tmp_path, source)
    assert error.kind == "remote" and "tried 3 times" in str(error)


def test_a_short_body_is_no_whole_file(web, tmp_path):
    address, served = web
    source = replace(planned(f"{address}/a.mp4"), size=0)
    served.told_length, served.ranges = len(DATA) + 5, False
    assert fault(tmp_path, source).kind == "remote"


def test_passing_faults_are_waited_for_and_others_are_not(web, tmp_path):
    address, served = web
    source = planned(f"{address}/a.mp4")
    served.status = [503, 500]
    with Spool(config(tmp_path)) as spooled:
        assert spooled.local(source).read_bytes() == DATA
    for status, kind in ((403, "remote"), (404, "missing")):
        served.status = [status]
        served.seen.clear()
        assert fault(tmp_path, source).kind == kind
        assert len(served.seen) == 1


def test_pauses_double(web):
    waits: list[float] = []
    fetcher = fetch.Fetcher(Patience(tries=4, pause_seconds=1.0), waits.append)
    web[1].status = [503] * 4
    with pytest.raises(VideoError):
        fetcher.fetch(Source("a", f"{web[0]}/a.mp4", 0, 0), Nowhere())
    assert waits == [1.0, 2.0, 4.0]


def test_a_silent_server_is_given_up(web, tmp_path):
    address, served = web
    source = planned(f"{address}/a.mp4")
    served.hang = True
    patience = replace(QUICK, read_seconds=0.2, tries=2)
    error = fault(tmp_path, source, patience=patience)
    assert error.kind == "remote" and "cannot be reached or broke off" in str(error)


def test_a_file_that_takes_too_long_is_given_up(web, tmp_path):
    source = planned(f"{web[0]}/a.mp4")
    error = fault(tmp_path, source, patience=replace(QUICK, file_seconds=0.0))
    assert error.kind == "remote" and "too long" in str(error)


def test_a_file_that_changed_since_the_plan_is_not_read(web, s3, tmp_path):
    address, served = web
    source = planned(f"{address}/a.mp4")
    served.headers = {"Last-Modified": "Thu, 02 Jul 2026 10:00:00 GMT"}
    assert fault(tmp_path, source).kind == "changed"
    source = planned("s3://films/a b/ü?#.mp4")
    assert fault(tmp_path, replace(source, size=source.size + 1)).kind == "changed"
    assert fault(tmp_path, replace(source, mtime_ns=source.mtime_ns + 10**9)).kind == "changed"


def test_a_file_that_changes_while_it_is_fetched_is_not_mixed(web, tmp_path):
    address, served = web
    served.headers = {"ETag": '"one"'}
    source = replace(planned(f"{address}/a.mp4"), mtime_ns=0)  # nothing to know it by
    fetcher_sleeps: list[float] = []

    def change(seconds: float) -> None:
        fetcher_sleeps.append(seconds)
        served.headers = {"ETag": '"two"'}
        served.files["/a.mp4"] = DATA[::-1]

    served.cut = [1_500_000]
    with Spool(config(tmp_path)) as spooled:
        spooled._fetcher = fetch.Fetcher(QUICK, change)
        assert spooled.local(source).read_bytes() == DATA[::-1]
    assert len(fetcher_sleeps) == 1


def test_an_object_that_is_replaced_while_it_is_fetched_is_a_fault(s3, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "_CHUNK", 1_000_000)
    s3.put_object(Bucket="films", Key="replaced.mp4", Body=DATA)
    source = planned("s3://films/replaced.mp4")
    original = spool._Bounded.write

    def replacing(self, data):
        s3.put_object(Bucket="films", Key="replaced.mp4", Body=DATA[1:])
        original(self, data)

    monkeypatch.setattr(spool._Bounded, "write", replacing)
    assert fault(tmp_path, source).kind == "changed"


class Nowhere:
    """A sink that keeps nothing."""

    size = 0

    def expect(self, size: int) -> None:
        pass

    def write(self, data: bytes) -> None:
        self.size += len(data)

    def restart(self) -> None:
        self.size = 0
