"""Generalised losses through the trainer: resumed to the same bits, and drawn alike by all."""

import pytest
import torch

from tests.training.making import make_store
from tests.training.test_train import assert_same, quiet, state
from vidcl.config import load_config, parse_config
from vidcl.errors import VidclError
from vidcl.methods.wanted import Wanted
from vidcl.presets import find_preset
from vidcl.training.build import build_method
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train
from vidcl.training.metrics import read_metrics
from vidcl.training.processes import Process
from vidcl.training.source import TrackSource

PRESET = load_config(find_preset("laptop/generalized"), TrainConfig)


def small(steps=6, **method):
    values = PRESET.model_dump(mode="json")
    values["views"]["size"] = 16
    values["method"].update(method)
    values["training"].update(
        steps=steps, batch_size=8, schedule="constant", log_every=1, tensorboard=False, device="cpu"
    )
    return parse_config(values, TrainConfig)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store")).path


@pytest.mark.parametrize("distribution", ["logsumexp", "normal"])
def test_a_run_resumes_to_the_same_bits(distribution, store, tmp_path):
    config = small(distribution=distribution)
    train(config, store, tmp_path / "whole", say=quiet)
    train(small(3, distribution=distribution), store, tmp_path / "parts", say=quiet)
    train(config, store, tmp_path / "parts", resume=True, say=quiet)
    assert_same(state(tmp_path / "whole"), state(tmp_path / "parts"))
    lines = read_metrics(tmp_path / "whole" / "metrics.jsonl")
    assert len(lines) == 6
    assert lines[0]["log_k1"] == pytest.approx(torch.log(torch.tensor(15.0)).item())
    assert len({line["loss"] for line in lines}) == 6


def test_every_process_draws_the_same_prior(store):
    """After a step's views are drawn, the generator is where it is in one process alone."""
    config = small()
    device = torch.device("cpu")
    for step in (1, 2):
        states = []
        for rank, world in ((0, 1), (0, 2), (1, 2)):
            source = TrackSource(store, config, Process(rank, world, device))
            states.append(source.read(step, Wanted()).generator.get_state())
        assert torch.equal(states[0], states[1]) and torch.equal(states[0], states[2])


def test_settings_are_told_and_refused():
    assert build_method(small(distribution="cube"), 100).describe() == (
        "generalised contrastive loss (cube, weight 5)"
    )
    assert build_method(small(weight=0.3), 100).weight == 0.3
    for section, name in (("model", "bn_shards"), ("training", "accumulate")):
        values = small().model_dump(mode="json")
        values[section][name] = 2
        with pytest.raises(VidclError, match="must be 1 with generalized"):
            parse_config(values, TrainConfig)
    with pytest.raises(VidclError, match="distribution"):
        small(distribution="ball")
    with pytest.raises(VidclError, match="weight"):
        small(weight=-1.0)
