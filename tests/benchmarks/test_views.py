"""``benchmarks/views.py`` on a few small images."""

import torch

from benchmarks import views
from vidcl.views.recipe import recipe


def test_the_smoke_run_prints_a_table_of_all_contestants(capsys):
    assert views.main(["--smoke"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0] == "32 px views from a 40 px canvas, batch 4, cpu"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[4:]]
    names = [row[0] for row in rows]
    assert names[0] == "vidcl, float32"
    assert {"torchvision v2, tensors", "torchvision v2, Pillow"} <= set(names)
    assert rows[0][3] == "1.0x"
    for _, milliseconds, rate, ratio in rows:
        assert float(milliseconds) > 0 and float(rate.replace(",", "")) > 0
        assert float(ratio.removesuffix("x")) > 0


def test_the_contestants_make_the_same_kind_of_views():
    generator = torch.Generator().manual_seed(0)
    images = views.pictures(3, 40, generator)
    assert images.shape == (3, 3, 40, 40) and images.dtype == torch.uint8
    config = recipe("moco_v2", 32)
    makers = views.ours(images, config, generator) | views.torchvisions(images, config)
    for make in (makers | views.kornias(images, config)).values():
        out = make()
        assert out.shape == (3, 3, 32, 32) and out.dtype == torch.float32
        assert out.isfinite().all() and 0.1 < out.std() < 2
