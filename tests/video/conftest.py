"""Decoders in processes of their own, and the clips that they read."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.video.backend_child import Child
from tests.video.backend_clips import BROKEN, CLIPS, damaged


@pytest.fixture(scope="session", params=["pyav", "decord", "torchcodec"])
def child(request: pytest.FixtureRequest) -> Iterator[Child]:
    """One process per decoder for all files, since importing torchcodec takes seconds."""
    if importlib.util.find_spec("av" if request.param == "pyav" else request.param) is None:
        pytest.skip(f"{request.param} is not installed (pip install 'vidcl[{request.param}]')")
    child = Child(request.param)
    yield child
    child.close()


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A clip by its name, made once."""
    made: dict[str, Path] = {}

    def clip(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp(name.replace(".", "_"))
            made[name] = {**CLIPS, **BROKEN, "damaged.mp4": damaged}[name](folder)
        return made[name]

    return clip
