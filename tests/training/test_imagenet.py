"""The preset of MoCo v2 on ImageNet."""

from pathlib import Path

import numpy as np
import pytest

from vidcl.config import load_config, parse_config
from vidcl.presets import find_preset
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train
from vidcl.training.metrics import read_metrics
from vidcl.views.recipe import recipe

PRESET = "imagenet_moco_v2_r50"


def test_the_settings_are_the_published_ones() -> None:
    config = load_config(find_preset(PRESET), TrainConfig)
    method, training, model = config.method, config.training, config.model
    assert (method.name, method.K, method.m, method.T) == ("moco", 65536, 0.999, 0.2)
    assert (model.backbone, model.head, model.dim) == ("resnet50", "mlp", 128)
    assert (training.optimizer, training.lr, training.momentum) == ("sgd", 0.03, 0.9)
    assert (training.weight_decay, training.batch_size) == (1e-4, 256)
    assert training.schedule == "cosine" and training.warmup_steps == 0
    assert training.steps == 200 * (1281167 // 256)
    assert config.views == recipe("moco_v2", 224)
    (stream,) = config.pairs.streams
    assert stream.kind == ("image",) and stream.gap == (0.0, 0.0)


@pytest.mark.real_data
def test_it_runs_on_a_folder_of_photos(real_data: Path, tmp_path: Path) -> None:
    values = load_config(find_preset(PRESET), TrainConfig).model_dump()
    values["method"]["K"] = 16
    values["training"] |= {"steps": 1, "batch_size": 16, "device": "cpu", "tensorboard": False}
    said: list[str] = []
    config = parse_config(values, TrainConfig)
    out = train(config, real_data / "photos", tmp_path / "run", say=said.append)
    (line,) = read_metrics(out / "metrics.jsonl")
    assert np.isfinite(line["loss"]) and line["tflops"] > 0
    assert "resnet50 at 224 px" in said[0] and "BatchNorm in 8 shards" in said[0]
