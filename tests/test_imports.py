"""The arrows between rooms, as ARCHITECTURE.md draws them, and imports that stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "vidcl"

#: Room -> rooms it may import. What is not named here (errors, files, config, ...) is open to all.
ARROWS = {
    "video": set(),
    "tracks": {"video"},
    "views": set(),
    "models": set(),
    "losses": set(),
    "methods": {"losses", "views", "models"},
    "training": {"methods", "losses", "views", "models", "datasets", "tracks.store"},
    "datasets": set(),
    "synthetic": {"video"},
    "evaluation": {"models", "views", "datasets", "synthetic"},
    "report": {"evaluation", "training", "datasets", "tracks.store"},
}
#: Room -> packages that no module of it may import at its top.
BANNED = {
    "video": {"torch", "ray", "torchvision"},
    "tracks": {"torch", "ray", "torchvision"},
    "views": {"ray", "av", "faiss", "cv2"},
    "models": {"ray", "av", "faiss", "cv2"},
    "losses": {"ray", "av", "faiss", "cv2"},
    "methods": {"ray", "av", "faiss", "cv2"},
    "training": {"ray", "av", "faiss", "cv2"},
}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("room", sorted(ARROWS))
def test_a_room_imports_only_the_rooms_below_it(room):
    wrong = []
    for path in (PACKAGE / room).rglob("*.py"):
        for name in imports(path):
            parts = name.split(".")
            if parts[0] != "vidcl" or len(parts) < 2 or parts[1] not in ARROWS or parts[1] == room:
                continue
            if not any(
                name == f"vidcl.{a}" or name.startswith(f"vidcl.{a}.") for a in ARROWS[room]
            ):
                # `from vidcl.tracks import store` names vidcl.tracks on the way.
                if any(f"vidcl.{a}".startswith(name + ".") for a in ARROWS[room]):
                    continue
                wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not wrong


@pytest.mark.parametrize("room", sorted(BANNED))
def test_a_room_stays_free_of_heavy_packages(room):
    wrong = []
    for path in (PACKAGE / room).rglob("*.py"):
        tops = {name.split(".")[0] for name in imports(path)}
        banned = BANNED[room] - ({"ray"} if path.name == "ray_engine.py" else set())
        wrong += [f"{path.relative_to(PACKAGE)} imports {name}" for name in sorted(tops & banned)]
    assert not wrong


def test_the_store_needs_only_numpy_and_pyarrow():
    allowed = {"numpy", "pyarrow", "vidcl"} | set(sys.stdlib_module_names)
    for path in (PACKAGE / "tracks").glob("store*.py"):
        assert {name.split(".")[0] for name in imports(path)} <= allowed, path.name


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("vidcl", {"torch", "numpy", "pyarrow", "ray", "av", "cv2", "pydantic", "faiss"}),
        ("vidcl.cli", {"torch", "ray", "av", "cv2", "faiss", "matplotlib"}),
        ("vidcl.tracks.store", {"torch", "ray", "av", "cv2", "faiss", "pydantic"}),
        ("vidcl.video.open", {"torch", "ray", "cv2", "decord", "torchcodec"}),
        ("vidcl.tracks.extraction.segment", {"torch", "ray", "faiss", "matplotlib"}),
        ("vidcl.training.loop", {"ray", "av", "cv2", "faiss", "matplotlib"}),
    ],
)
def test_importing_a_module_loads_nothing_heavy(module, absent):
    code = f"import sys, {module}; print(' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not absent & set(run.stdout.split())
