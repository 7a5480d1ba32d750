"""The trainer and its benchmark run where few packages are: on a machine rented for a GPU, say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.making import make_store

ROOT = Path(__file__).parents[2]

#: Packages that must be enough, and what they themselves import. Optional parts of torch and numpy
#: (sympy's, scipy, ...) are left out on purpose: absent, they are done without.
ALLOWED = (
    "torch torchvision numpy pyarrow PIL yaml pydantic",
    "torchgen functorch pydantic_core annotated_types typing_extensions typing_inspection _yaml",
    "sympy mpmath networkx jinja2 markupsafe fsspec filelock setuptools triton nvidia cuda",
)

#: Run in a new process: any other package is as if it were not installed.
ALONE = """
import runpy, sys

class Only:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in known or top.startswith("_sysconfigdata"):  # of the standard library
            return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

known = {*sys.stdlib_module_names, *sys.argv[1].split(), "vidcl", "benchmarks"}
sys.meta_path[:] = map(Only, sys.meta_path)
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""

SETTINGS = """
method: {name: moco, K: 32}
model: {backbone: resnet_tiny, dim: 16}
views: {size: 16}
training: {steps: 2, batch_size: 8, log_every: 1, tensorboard: false}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A store and a configuration."""
    folder = tmp_path_factory.mktemp("files")
    make_store(folder / "store")
    (folder / "tiny.yaml").write_text(SETTINGS)
    return folder


def alone(script, *arguments):
    command = [sys.executable, "-c", ALONE, " ".join(ALLOWED), str(ROOT / script)]
    done = subprocess.run(
        [*command, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_benchmark_needs_few_packages(files, tmp_path):
    said = alone(
        "benchmarks/trainer.py",
        *(files / "tiny.yaml", "--data", files / "store", "--device", "cpu"),
        *("--no-cache", "--repeats", "1", "--out", tmp_path / "out.json"),
    )
    assert "Fixed batch" not in said and "| end to end |" in said and "MFU" in said
    seconds = json.loads((tmp_path / "out.json").read_text())["seconds"]
    assert len(seconds) == 4 and min(seconds.values()) > 0


def test_training_needs_few_packages(files, tmp_path):
    said = alone(
        "pipelines/pretrain.py",
        *(files / "tiny.yaml", "--data", files / "store", "--out", tmp_path / "run"),
    )
    assert f"run:  {tmp_path / 'run'}" in said
    assert (tmp_path / "run" / "checkpoints" / "last.pt").is_file()


def test_what_is_kept_out_is_out(tmp_path):
    for name in ("av", "ray", "tyro", "faiss", "cv2", "rich", "matplotlib"):
        script = tmp_path / "script.py"
        script.write_text(f"import {name}\n")
        with pytest.raises(AssertionError, match=f"No module named '{name}'"):
            alone(script)
