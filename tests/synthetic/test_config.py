from pathlib import Path

import pytest
import yaml

from vidcl.config import load_config, parse_config
from vidcl.errors import VidclError
from vidcl.synthetic.config import WorldConfig

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("name", ["world_v1", "world_demo"])
def test_presets_write_out_every_field(name):
    path = CONFIGS / f"{name}.yaml"
    world = load_config(path, WorldConfig)
    assert yaml.safe_load(path.read_text()) == world.model_dump(mode="json")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"video": {}}, "did you mean 'videos'"),
        ({"videos": {"frame": 3}}, "did you mean 'frames'"),
        ({"videos": {"turn": [200, 90]}}, "turn must be"),
        ({"videos": {"width": 161}}, "videos.width"),
        ({"sets": {"occlusion": [0.0, 1.0]}}, "occlusion must lie"),
        ({"sets": {"scale": [0.0, 1.0]}}, "scale must lie"),
        ({"light": {"min_angle": 80}}, "min_angle must not exceed"),
        ({"objects": {"colours": 9}}, "more colours than the palette"),
        ({"objects": {"palette": [[0, 0, 2], [0, 0, 0], [1, 1, 1]]}}, "objects.palette"),
    ],
)
def test_a_bad_value_is_one_clear_sentence(values, message):
    with pytest.raises(VidclError, match=message) as caught:
        parse_config(values, WorldConfig)
    assert "\n" not in str(caught.value)
