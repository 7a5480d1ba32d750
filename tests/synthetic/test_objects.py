import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.objects import build_instances, instance_count
from vidcl.synthetic.templates import TEMPLATES


def shares(instance, palette, side):
    """Area share of every palette colour on one side, from the parts' box areas."""
    total = np.zeros(len(palette))
    for part in instance.parts:
        a, b, c = part.half
        for colour in getattr(part, side).colours:
            total[np.abs(palette - colour).sum(1).argmin()] += a * b + b * c + c * a
    return total / total.sum()


def test_splits_share_no_object():
    world = WorldConfig()
    looks = {}
    for split, count in (("train", 144), ("report", 60), ("tune", 60)):
        instances = build_instances(world, split)
        assert len(instances) == instance_count(world.objects, split) == count
        for instance in instances:
            looks[instance.name] = np.concatenate([part.half for part in instance.parts]).tobytes()
    assert len(looks) == len(set(looks.values())) == 264


def test_templates_have_three_to_five_parts():
    assert len(TEMPLATES) >= 12
    assert all(3 <= len(parts) <= 5 for parts in TEMPLATES.values())


def test_objects_use_equal_areas_of_few_shared_colours():
    world = WorldConfig()
    palette = np.array(world.objects.palette)
    spread = []
    for instance in build_instances(world, "train"):
        front, back = (shares(instance, palette, side) for side in ("front", "back"))
        used = (front + back) > 0
        assert used.sum() <= world.objects.colours
        spread.append(np.abs(np.stack([front, back])[:, used] - 1 / world.objects.colours).max())
        assert any((part.front.colours != part.back.colours).any() for part in instance.parts)
    assert np.mean(spread) < 0.12


def test_objects_have_radius_one_and_depend_on_the_seed():
    worlds = [WorldConfig(), WorldConfig(seed=1)]
    first, second = (build_instances(world, "tune") for world in worlds)
    assert first[0].parts[0].half.tolist() != second[0].parts[0].half.tolist()
    corners = np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1]), -1).reshape(8, 3)
    for instance in first:
        reach = [
            np.linalg.norm(part.centre + (corners * part.half) @ part.rotation.T, axis=1).max()
            for part in instance.parts
        ]
        assert max(reach) == pytest.approx(1.0)


def test_an_unknown_split_is_refused():
    with pytest.raises(VidclError, match="train, report or tune"):
        build_instances(WorldConfig(), "test")
