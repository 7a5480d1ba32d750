"""Remote addresses become lists of files, and everything that can go wrong is one sentence."""

import socket
import sys

import pytest

from tests.tracks.remote_servers import SECRET, s3_client, s3_environment, s3_server, web_server
from vidcl.errors import VidclError
from vidcl.tracks.extraction import remote
from vidcl.tracks.extraction.remote import list_remote, list_remote_lines
from vidcl.tracks.extraction.remote_access import stamp_of
from vidcl.tracks.extraction.sources import Source
from vidcl.video.errors import VideoError

SUFFIXES = frozenset({".mp4", ".mkv"})
KEYS = ("a/one.mp4", "a/b/two.MP4", "a/.hidden/x.mp4", "a/words.txt", "a/odd [1] ü?.mkv", "top.mp4")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("s3")) as address:
        client = s3_client(address)
        for bucket in ("films", "empty"):
            client.create_bucket(Bucket=bucket)
        for length, key in enumerate(KEYS, 1):
            client.put_object(Bucket="films", Key=key, Body=b"x" * length)
        yield address


@pytest.fixture()
def s3(endpoint, monkeypatch):
    for name, value in s3_environment(endpoint).items():
        monkeypatch.setenv(name, value)
    return s3_client(endpoint)


@pytest.fixture()
def web():
    with web_server() as (address, served):
        yield address, served


def names(argument: str) -> list[str]:
    return [source.name for source in list_remote(argument, SUFFIXES)]


def sentence(argument: str) -> str:
    with pytest.raises(VidclError) as caught:
        list_remote(argument, SUFFIXES)
    text = str(caught.value)
    assert "\n" not in text and SECRET not in text
    return text


def test_a_folder_is_searched_deeply_and_named_below_itself(s3):
    found = list_remote("s3://films/a/", SUFFIXES)
    assert [source.name for source in found] == ["b/two.MP4", "odd [1] ü?.mkv", "one.mp4"]
    assert [source.path for source in found] == [f"s3://films/a/{s.name}" for s in found]
    assert [source.size for source in found] == [2, 5, 1]
    assert names("s3://films/a") == names("s3://films/a/")
    assert names("s3://films") == ["a/b/two.MP4", "a/odd [1] ü?.mkv", "a/one.mp4", "top.mp4"]


def test_patterns_and_single_objects(s3):
    assert names("s3://films/a/*.mp4") == ["one.mp4"]
    assert names("s3://films/**/*.mp4") == ["a/one.mp4", "top.mp4"]
    assert names("s3://films/*/o*") == ["a/odd [1] ü?.mkv", "a/one.mp4"]
    assert names("s3://films/a/odd [1] ü?.mkv") == ["odd [1] ü?.mkv"]
    assert names("s3://films/a/words.txt") == ["words.txt"]  # as a local file that is named


def test_the_stamp_of_a_listing_is_that_of_the_single_object(s3):
    by_listing = {source.path: source.stamp for source in list_remote("s3://films", SUFFIXES)}
    one = list_remote("s3://films/a/one.mp4", SUFFIXES)[0]
    assert by_listing[one.path] == one.stamp
    when = s3.head_object(Bucket="films", Key="a/one.mp4")["LastModified"]
    assert one.mtime_ns == int(when.timestamp()) * 10**9


def test_a_folder_of_many_is_one_listing_and_no_question_per_file(endpoint, s3, monkeypatch):
    from aiobotocore.client import AioBaseClient

    asked = []
    original = AioBaseClient._make_api_call

    async def counting(self, operation, parameters):
        asked.append(operation)
        return await original(self, operation, parameters)

    monkeypatch.setattr(AioBaseClient, "_make_api_call", counting)
    assert len(list_remote("s3://films/a/", SUFFIXES)) == 3
    assert asked == ["ListObjectsV2"]


def test_what_is_not_there_is_told(s3):
    assert "s3://nowhere/x/ does not exist" in sentence("s3://nowhere/x/")
    assert "does not exist" in sentence("s3://nowhere/*.mp4")
    assert "does not exist" in sentence("s3://films/none/")
    assert "does not exist" in sentence("s3://films/none.mp4")
    for argument in ("s3://empty/", "s3://empty", "s3://empty/*.mp4", "s3://films/*.mkv"):
        assert "holds no file to read: looked for .mkv, .mp4" in sentence(argument)
    assert "name the bucket" in sentence("s3://*/x.mp4")
    assert "names no bucket" in sentence("s3://")


def test_no_credentials_and_wrong_addresses_are_told(s3, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("HOME", "/nonexistent")
    assert "access denied" in sentence("s3://films/a/")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    assert "cannot be reached" in sentence("s3://films/a/")
    assert "cannot be reached" in sentence(f"http://127.0.0.1:{port}/x.mp4")


def test_access_denied_is_told(s3, monkeypatch):
    """moto lets everybody in, so the answer of a real server is put in its place."""

    def refuse(self):
        body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    with web_server() as (address, web):
        web.handler.do_GET = refuse
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert "s3://films/a/: access denied" in sentence("s3://films/a/")


def test_a_silent_server_is_given_up(s3, monkeypatch):
    monkeypatch.setattr(remote, "_READ_SECONDS", 0.2)
    with web_server() as (address, web):
        web.hang = True
        assert "cannot be reached" in sentence(f"{address}/x.mp4")
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert "cannot be reached" in sentence("s3://films/a/")


def test_a_web_file_has_the_size_and_time_of_its_answer(web):
    address, served = web
    served.files["/d/clip%201.mp4"] = b"12345"
    (source,) = list_remote(f"{address}/d/clip%201.mp4", SUFFIXES)
    assert (source.name, source.size) == ("clip 1.mp4", 5)
    assert source.path == f"{address}/d/clip%201.mp4"
    assert source.mtime_ns == 1782900000 * 10**9
    served.no_head = True
    assert list_remote(source.path, SUFFIXES) == [source]
    served.headers = {"ETag": '"one"'}
    tagged = list_remote(source.path, SUFFIXES)[0]
    served.headers = {"ETag": '"two"'}
    assert 0 < tagged.mtime_ns < 2**63 and tagged.mtime_ns == stamp_of({"ETag": '"one"'})[1]
    assert tagged.mtime_ns != list_remote(source.path, SUFFIXES)[0].mtime_ns
    served.headers, served.told_length = {}, -1
    assert list_remote(source.path, SUFFIXES)[0].stamp == "0-0"


def test_a_web_server_that_refuses_is_told(web):
    address, served = web
    assert f"{address}/x.mp4 does not exist" in sentence(f"{address}/x.mp4")
    served.files["/x.mp4"] = b"x"
    served.no_head = True
    for status, text in ((401, "access denied"), (403, "access denied"), (503, "status 503")):
        served.status = [status]
        assert text in sentence(f"{address}/x.mp4")
    assert "cannot be searched" in sentence(f"{address}/folder/")
    assert "cannot be searched" in sentence(address)


@pytest.mark.parametrize(
    "address",
    [
        f"s3://KEY:{SECRET}@films/a.mp4",
        f"s3://KEY:{SECRET[:5]}/{SECRET[5:]}@films/a.mp4",
        f"https://user:{SECRET}@host/a.mp4",
        f"https://{SECRET}@host/a.mp4",
        f"https://host/a.mp4?X-Amz-Signature={SECRET}&X-Amz-Expires=60",
        f"https://host/a.mp4?v=1&access_token={SECRET}",
        f"https://host/a.mp4?sig={SECRET}",
        f"https://host/a.mp4#token={SECRET}",
        f"abfs://container:{SECRET}@account/a.mp4",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(address):
    text = sentence(address)
    assert "'a.mp4' holds credentials or a signature" in text
    assert SECRET[5:] not in text and "KEY" not in text and "user:" not in text


def test_an_address_without_a_secret_is_not_refused(web):
    address, served = web
    served.files["/a.mp4?version=3&part=2"] = b"123"
    assert names(f"{address}/a.mp4?version=3&part=2") == ["a.mp4"]


def test_what_is_not_remote_or_not_installed_is_told(monkeypatch):
    for argument in ("file:///tmp/a.mp4", "simplecache::s3://films/a", "memory://a"):
        assert "name local files by their path" in sentence(argument)
    assert "protocol 'zzz'" in sentence("zzz://a/b.mp4")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    assert "pip install 'vidcl[remote]'" in sentence("s3://films/a/")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert "pip install 'vidcl[remote]'" in sentence("https://host/a.mp4")


def test_lines_of_a_list_go_on_without_those_that_lead_nowhere(s3, web):
    address, served = web
    served.files["/a.mp4"] = b"123"
    lines = [f"{address}/a.mp4", f"{address}/none%20x.mp4", "s3://films/a/", "s3://films/none.mp4"]
    found = list_remote_lines([*lines, "s3://nowhere/none.mp4"], SUFFIXES)
    assert found[0] == list_remote(lines[0], SUFFIXES)[0]
    assert found[1] == Source("none x.mp4", lines[1], -1, 0)
    assert found[2:5] == list_remote("s3://films/a/", SUFFIXES)
    assert [(source.path, source.size) for source in found[5:]] == [
        ("s3://films/none.mp4", -1),
        ("s3://nowhere/none.mp4", -1),
    ]
    for line in ("s3://films/none/", "s3://nowhere/*.mp4", f"https://u:{SECRET}@host/x.mp4"):
        with pytest.raises(VidclError) as caught:
            list_remote_lines([lines[0], line], SUFFIXES)
        assert SECRET not in str(caught.value)
    with pytest.raises(VideoError, match=r"none%20x\.mp4 does not exist"):
        list_remote_lines([lines[1], lines[3]], SUFFIXES)


def test_public_buckets_need_no_credentials(s3, monkeypatch):
    from fsspec.config import conf, set_conf_env

    s3.put_bucket_acl(Bucket="films", ACL="public-read")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    # as when fsspec is imported where FSSPEC_S3_ANON=true
    monkeypatch.setitem(conf, "s3", {})
    set_conf_env(conf, {"FSSPEC_S3_ANON": "true"})
    assert len(names("s3://films/a/")) == 3


def test_the_password_of_a_web_server_comes_from_netrc(web, tmp_path, monkeypatch):
    address, served = web
    served.files["/a.mp4"] = b"123"
    served.password = SECRET
    assert "access denied" in sentence(f"{address}/a.mp4")
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login tests password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert names(f"{address}/a.mp4") == ["a.mp4"]
