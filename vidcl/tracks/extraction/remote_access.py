"""Reach files that lie elsewhere, through fsspec: addresses, time limits, and faults as sentences.

No secret may come in an address, since addresses are written into the plan, the store and messages:
credentials come from the environment of whoever reads (``docs/cluster.md``). For the same reason no
text of a library's error is passed on; some hold the signed address that a server redirected to.
"""

import hashlib
import re
import sys
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from vidcl.errors import VidclError, require
from vidcl.video.errors import VideoError

INSTALL = "vidcl[remote]"

#: Protocols of fsspec that are no remote place, or that wrap another address.
_NOT_REMOTE = frozenset({
    "arrow_hdfs", "asynclocal", "asyncwrapper", "blockcache", "cached", "data", "dir", "file",
    "filecache", "generic", "libarchive", "local", "memory", "reference", "simplecache", "tar",
    "zip",
})  # fmt: skip
#: Where the part before '@' is a container or a user, and no secret by itself.
_NAMED_BEFORE_AT = frozenset({"abfs", "abfss", "az", "wasb", "ftp", "sftp", "ssh", "hdfs"})
_SECRET_PARAMETER = re.compile(
    r"token|secret|sign|^sig$|passw|^pwd$|credential|auth|key|expires|policy|session|^se$|^sp$",
    re.IGNORECASE,
)


def is_remote(argument: str) -> bool:
    """Whether it is the address of a remote place, such as ``s3://bucket/folder/``."""
    return "://" in argument


def is_http(url: str) -> bool:
    """Whether one file is all that can be had there: a web server does not list."""
    return protocol_of(url) in ("http", "https")


def protocol_of(url: str) -> str:
    """``s3`` of ``s3://bucket/key``."""
    return url.partition("://")[0].lower()


def check_address(url: str) -> None:
    """Refuse what is not a plain address of a remote place.

    Raises:
        VidclError: it holds what looks like a secret (which is not repeated), or its protocol is
            not one that can be read.
    """
    protocol = protocol_of(url)
    if _holds_secret(url):
        raise VidclError(
            f"An address that ends in '{_tail(url)}' holds credentials or a signature, which would "
            "be written into the store: leave them out, and give them in the environment (AWS_*, "
            "NETRC and the like, see docs/cluster.md)."
        )
    if "::" in url or protocol in _NOT_REMOTE:
        raise VidclError(
            f"{url} is not the address of a remote file or folder: name local files by their path, "
            "and remote ones like s3://bucket/folder/ or https://host/file.mp4."
        )
    fsspec = require("fsspec", INSTALL)
    if protocol not in fsspec.available_protocols():
        raise VidclError(
            f"{url} has the protocol '{protocol}', which fsspec does not know: use s3://, https:// "
            "or another of its protocols."
        )


def open_filesystem(url: str, *, connect_seconds: float, read_seconds: float) -> Any:
    """The fsspec file system of ``url``, made for this call: they do not survive a fork.

    Args:
        connect_seconds: to reach the server.
        read_seconds: that the server may stay silent.

    Raises:
        VidclError: the package for its protocol is not installed.
    """
    fsspec = require("fsspec", INSTALL)
    protocol = protocol_of(url)
    options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    if protocol in ("http", "https"):
        aiohttp = require("aiohttp", INSTALL)
        limit = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_seconds, sock_read=read_seconds
        )
        options["client_kwargs"] = {"timeout": limit, "trust_env": True}
        # a file is wanted as it lies, and its size with it
        options["headers"] = {"Accept-Encoding": "identity"}
    elif protocol in ("s3", "s3a"):
        require("s3fs", INSTALL)
        options["config_kwargs"] = {
            "connect_timeout": connect_seconds,
            "read_timeout": read_seconds,
            "retries": {"total_max_attempts": 2, "mode": "standard"},
        }
    try:
        files = fsspec.filesystem(protocol, **options)
    except ImportError as error:
        raise VidclError(
            f"{url} cannot be read ({error}): install that package on every machine."
        ) from error
    if protocol in ("s3", "s3a"):
        files.retries = 2  # beside those above; the caller tries again too
    return files


def library_errors() -> tuple[type[BaseException], ...]:
    """What fsspec and the libraries below it raise when a file cannot be had."""
    found: list[type[BaseException]] = [OSError, ValueError]
    for module, name in (("botocore.exceptions", "BotoCoreError"), ("aiohttp", "ClientError")):
        if module in sys.modules:
            found.append(getattr(sys.modules[module], name))
    return tuple(found)


def explain(url: str, error: BaseException) -> VideoError:
    """One of ``library_errors`` as a sentence about ``url``, of kind ``missing`` or ``remote``."""
    cause = _root(error)
    name = type(cause).__name__
    status = getattr(cause, "status", None)
    if status in (401, 403) or isinstance(cause, PermissionError) or "Credential" in name:
        return VideoError(
            f"{url}: access denied ({name}); give credentials in the environment of every machine "
            "that reads (see docs/cluster.md), and check that they may list and read.",
            "remote",
        )
    if status in (404, 410) or (isinstance(cause, FileNotFoundError) and status is None):
        return VideoError(f"{url} does not exist: check the address.", "missing")
    if status is not None:
        return VideoError(
            f"{url}: the server answered with status {status}; try again later.", "remote"
        )
    return VideoError(
        f"{url} cannot be reached or broke off ({name}): check the address and the network, then "
        "run the same command again.",
        "remote",
    )


def settled(error: BaseException) -> bool:
    """Whether asking again would be answered alike: refused, or not there."""
    cause = _root(error)
    status = getattr(cause, "status", None)
    if status is not None:
        return status in (400, 401, 403, 404, 405, 410)
    return (
        isinstance(cause, FileNotFoundError | PermissionError)
        or "Credential" in type(cause).__name__
    )


def stamp_of(info: dict[str, Any]) -> tuple[int, int]:
    """(size in bytes, time of the last change in ns) from what a server tells of a file.

    A size that is not told is 0. The time is in whole seconds, since listings and single answers
    of one server differ in their fractions; where there is only an ETag or the like, it is a hash
    of that, 63 bits, and 0 where there is nothing.
    """
    size = info.get("size")
    when = _time(info)
    if when is None:
        tag = next((info[k] for k in ("ETag", "etag", "md5", "Content-MD5") if info.get(k)), None)
        if tag is None:
            return int(size or 0), 0
        digest = hashlib.blake2b(str(tag).encode(), digest_size=8).digest()
        return int(size or 0), int.from_bytes(digest, "big") >> 1
    return int(size or 0), int(when.timestamp()) * 10**9


def _time(info: dict[str, Any]) -> datetime | None:
    for key in ("LastModified", "Last-Modified", "last_modified", "mtime", "updated", "modified"):
        value = info.get(key)
        if isinstance(value, str):
            try:
                # 'updated' of Google's storage is ISO 8601, headers are RFC 9110
                value = parsedate_to_datetime(value) if "," in value else _iso(value)
            except ValueError:
                continue
        elif isinstance(value, int | float):
            value = datetime.fromtimestamp(value, UTC)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
    return None


def _iso(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _root(error: BaseException) -> BaseException:
    """The cause that says most: fsspec hides every fault of a web server in FileNotFoundError."""
    while isinstance(error, FileNotFoundError) and error.__cause__ is not None:
        if hasattr(error.__cause__, "response"):
            break  # an answer of S3, which s3fs has translated well
        error = error.__cause__
    return error


def _holds_secret(url: str) -> bool:
    protocol, _, rest = url.partition("://")
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, at, _ = place.rpartition("@")
    if at and (":" in user or protocol.lower() not in _NAMED_BEFORE_AT):
        return True
    _, colon, port = place.rpartition(":")
    # a secret with a slash ends the place early: s3://KEY:SEC/RET@bucket
    if colon and not port.isdigit() and not place.startswith(("arn:", "[")):
        return True
    parts = urlsplit(url)
    query = parts.query + "&" + parts.fragment
    return any(_SECRET_PARAMETER.search(k) for k, _ in parse_qsl(query, keep_blank_values=True))


def _tail(url: str) -> str:
    """The last name of the path, without what may be secret."""
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    return path.rstrip("/").rpartition("/")[2].rpartition("@")[2]
