"""Find out within seconds whether a Ray cluster lets us in; Ray itself tries for minutes."""

import os
import re
import socket
import subprocess
import sys

from vidcl.errors import VidclError

#: Seconds for the cluster to answer.
_PATIENCE = 20.0

#: Asks the head who it is. In a process of its own, since Ray's client prints its troubles, waits
#: long for a server that is not Ray, and ends the process where a token is wanted but missing.
_ASK = "import sys; from ray._raylet import GcsClient; GcsClient(address=sys.argv[1])"

_TOKENS = (
    "export RAY_AUTH_MODE=token, and put the cluster's token into ~/.ray/auth_token or into the "
    "file that RAY_AUTH_TOKEN_PATH names (see docs/cluster.md)"
)


def knock(address: str) -> None:
    """Return if Ray's head is at ``host:port`` and lets us in (``auto`` is left to Ray).

    Raises:
        OSError: nothing listens there.
        VidclError: what listens is no Ray head, or it wants another token; or the address is that
            of Ray's client server, through which no driver of ours was ever tried.
    """
    if address.startswith("ray://"):
        raise VidclError(
            f"{address} is for Ray's remote client, and vidcl wants to be on a machine of the "
            "cluster: run it there with --ray-address HOST:PORT, or hand it in with ray job submit."
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return
    socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    command = [sys.executable, "-c", _ASK, address]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise VidclError(
            f"What listens at {address} does not answer as the head of a Ray cluster: give the "
            "host and port of 'ray start --head', which is 6379 unless --port said otherwise."
        ) from error
    if asked.returncode == 0:
        return
    if re.search(r"AuthToken|AuthenticationError|authentication", asked.stderr):
        raise VidclError(f"The Ray cluster at {address} {_token_fault()}: {_TOKENS}.")
    raise VidclError(
        f"The Ray cluster at {address} cannot be asked ({_last_line(asked.stderr)}): check "
        "--ray-address, or use --engine local."
    )


def one_line(error: BaseException) -> str:
    """The text of an error without its line breaks, cut where it becomes long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


def _token_fault() -> str:
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        return "lets in only who has its token"
    return "does not accept the token of this machine, or there is none"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "it ended without a word"
