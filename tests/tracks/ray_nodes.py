"""A Ray cluster of several nodes on this machine, in a process of its own that obeys a few words.

In a process of its own because Ray keeps one token per process for ever, and tests have several.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Of the repository, which the processes run in.
ROOT = Path(__file__).parents[2]


def ray_environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a process that uses Ray as a user with this home would."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    return {
        **kept,
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "RAY_DISABLE_IMPORT_WARNING": "1",
        **more,
    }


class Nodes:
    """The other end of ``main``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.address = self.read()

    def read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the cluster's process has ended"
        return line

    def say(self, words: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(words + "\n")
        self._process.stdin.flush()
        return self.read()


@contextmanager
def ray_nodes(home: Path, cpus: list[int], **environment: str) -> Iterator[Nodes]:
    """A head without CPUs, and a node for each entry of ``cpus``.

    With ``RAY_AUTH_MODE="token"`` the user has a token.
    """
    (home / ".ray").mkdir(exist_ok=True)
    (home / ".ray" / "auth_token").write_text(secrets.token_hex(32))
    command = [sys.executable, "-m", "tests.tracks.ray_nodes", *map(str, cpus)]
    with open(home / "nodes.log", "w") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=ray_environment(home, **environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield Nodes(process)
    finally:
        process.stdin.close()  # its word to end
        process.wait(60)
        process.stdout.close()


def main() -> None:
    from ray.cluster_utils import Cluster

    plain = {"include_dashboard": False, "object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **plain})
    nodes = [cluster.add_node(num_cpus=int(cpus), **plain) for cpus in sys.argv[1:]]
    cluster.wait_for_nodes()
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() == "kill":
            cluster.remove_node(nodes.pop(), allow_graceful=False)
        elif line.strip() == "end":
            cluster.shutdown()
        print("done", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
