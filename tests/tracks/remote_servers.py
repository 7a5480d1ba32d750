"""Servers on this machine: one that speaks S3, in a process of its own, and a web server that can
be told to misbehave."""

import base64
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3

#: What the environment of a reader needs; the secret is looked for in everything that is written.
SECRET = "local-secret-of-the-tests"


def s3_environment(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Give the endpoint of a moto server process; its log goes into ``folder``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    log_path = folder / "s3.log"
    with open(log_path, "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 60
        while not _listens(port):
            assert process.poll() is None and time.monotonic() < until, log_path.read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def s3_client(endpoint: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="tests",
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )


def _listens(port: int) -> bool:
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0


class Web:
    """A web server's files, and how it misbehaves.

    Attributes:
        files: path -> bytes.
        headers: beside the length, of every answer to a file.
        ranges: answers ``Range`` (and ``If-Range``) with 206.
        told_length: of a whole answer; None is the true one, -1 tells none.
        no_head: answers HEAD with 405.
        status: instead of 200, for so many GETs as there are in the list.
        cut: for so many GETs as there are in the list, bytes after which the connection breaks.
        password: of the user "tests", without which everything is answered with 401.
        hang: the server is silent before it answers, until it is set free.
        seen: (method, path, Range) of every request.
        handler: the class that answers.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, str] = {"Last-Modified": "Wed, 01 Jul 2026 10:00:00 GMT"}
        self.ranges = True
        self.told_length: int | None = None
        self.no_head = False
        self.status: list[int] = []
        self.cut: list[int] = []
        self.password: str | None = None
        self.hang = False
        self.free = threading.Event()
        self.seen: list[tuple[str, str, str | None]] = []
        self.handler: Any = None


@contextmanager
def web_server() -> Iterator[tuple[str, Web]]:
    """Give its address, without a slash at the end, and what it serves."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            answer(self, web, with_body=False)

        def do_GET(self) -> None:
            answer(self, web, with_body=True)

    web.handler = Handler
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", web
    finally:
        web.free.set()
        server.shutdown()
        server.server_close()
        thread.join()


def answer(request: BaseHTTPRequestHandler, web: Web, *, with_body: bool) -> None:
    wanted = request.headers.get("Range")
    web.seen.append((request.command, request.path, wanted))
    if web.hang:
        web.free.wait(60)
    data = web.files.get(request.path)
    status = web.status.pop(0) if with_body and web.status else 200
    if web.password is not None:
        told = base64.b64encode(f"tests:{web.password}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {told}":
            status = 401
    if data is None or (web.no_head and not with_body) or status != 200:
        status = 404 if data is None else 405 if status == 200 else status
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    start = 0
    same = request.headers.get("If-Range") in (None, *web.headers.values())
    if wanted and web.ranges and same:
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
        request.send_response(206)
        request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(data) - start))
    else:
        request.send_response(200)
        if web.told_length != -1:
            told = len(data) if web.told_length is None else web.told_length
            request.send_header("Content-Length", str(told))
    for name, value in web.headers.items():
        request.send_header(name, value)
    request.close_connection = True
    request.send_header("Connection", "close")
    request.end_headers()
    if with_body:
        end = start + web.cut.pop(0) if web.cut else len(data)
        request.wfile.write(data[start:end])
