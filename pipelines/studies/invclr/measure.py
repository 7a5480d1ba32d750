"""What is measured of an encoder of Spirograph images."""

from collections.abc import Callable, Iterator
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from vidcl.config import Config
from vidcl.evaluation.probes.regression import RidgeFit, fit_ridge, regression_scores
from vidcl.synthetic.spirograph import (
    NUISANCES,
    RANGES,
    TARGETS,
    NuisanceShift,
    draw_nuisances,
    draw_targets,
    render,
)

#: Images in [0, 1], [N, 3, S, S] -> features [N, D].
Embed = Callable[[Tensor], Tensor]
#: Five of the six nuisances.
COLOURS = NUISANCES[1:]
#: Nuisances at test time, with the probe fitted on unshifted ones.
SHIFTS = {
    "background": NuisanceShift(back_move=0.2),
    "foreground": NuisanceShift(fore_move=-0.2),
    "h": NuisanceShift(h_move=0.5),
    "all wider": NuisanceShift(back_spread=1.5, fore_spread=1.5, h_spread=1.5),
}
#: Weights of the ridge probe to choose among, by a held-out fifth of the labelled rows.
L2 = (1e-8, 1e-6, 1e-4, 1e-2, 1.0)
#: The probe sees features whose spread is more than this share of the largest.
ALIVE = 1e-3
#: The penalty's distribution is shown in so many equal parts of b's interval.
B_PARTS = 5
#: Two vectors of unit length are no further apart than this, squared.
MOST_CHANGE = 4.0
_CHUNK = 256


class MeasureConfig(Config):
    """Sizes of the sets that are measured on."""

    labelled: Annotated[int, Field(ge=10)] = 384
    """Vectors of targets that the probe is fitted on."""
    test: Annotated[int, Field(ge=10)] = 256
    """Vectors of targets that it is tested on."""
    averages: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=2)] = (
        *(1, 3, 10, 30),
    )
    """How many renderings features are averaged over, rising from 1; labelled and test alike."""
    varied: Annotated[int, Field(ge=2)] = 128
    """Test targets that single groups of nuisances are drawn anew for."""
    redraws: Annotated[int, Field(ge=2)] = 8
    """How often."""
    tail: Annotated[int, Field(ge=48)] = 512
    """Images whose penalty is looked at one by one."""
    seed: int = 1000
    """Of the sets; the same for all arms and all seeds of training."""


def measure_features(embed: Embed, config: MeasureConfig, device: torch.device) -> dict[str, float]:
    """Numbers by name.

    - ``mse@M`` and ``mse@M/TARGET``: test error of a linear regression on features that are the
      mean over M renderings.
    - ``variance``, ``variance/colour``, ``variance/h``: of the features at unit length over draws
      of all nuisances, of the colours, of h; summed over dimensions, mean over targets.
      ``variance/total``: over all test images.
    - ``r2/NUISANCE`` and ``r2/colour`` (mean of five): how well one image's features tell it.
    - ``shift/NAME``: as ``mse@1``, with the test images' nuisances shifted.
    """
    targets, draws = _sets(config)
    labelled = slice(0, config.labelled)
    test = slice(config.labelled, None)
    features = torch.stack([_embed(embed, targets, each, device) for each in draws])
    known, wanted = targets[labelled].numpy(), targets[test].numpy()
    numbers: dict[str, float] = {}
    fits: dict[int, RidgeFit] = {}
    for count in config.averages:
        mean = features[:count].mean(0).numpy()
        fits[count] = fit_probe(mean[labelled], known)
        scores = regression_scores(fits[count].predict(mean[test]), wanted)
        numbers[f"mse@{count}"] = scores["mean_mse"]
        for name, value in zip(TARGETS, scores["mse"], strict=True):
            numbers[f"mse@{count}/{name}"] = value

    unit = F.normalize(features[:, test], dim=2)
    numbers["variance"] = _variance(unit)
    numbers["variance/total"] = float(unit[0].var(0).sum())
    generator = torch.Generator().manual_seed(config.seed + 1)
    for group, names in (("colour", COLOURS), ("h", ("h",))):
        numbers[f"variance/{group}"] = _variance_along(
            embed, targets[test][: config.varied], draws[0][test], names, config, generator, device
        )

    first = features[0].numpy()
    hidden = draws[0].numpy()
    probe = fit_probe(first[labelled], hidden[labelled])
    r2 = regression_scores(probe.predict(first[test]), hidden[test])["r2"]
    numbers |= {f"r2/{name}": value for name, value in zip(NUISANCES, r2, strict=True)}
    numbers["r2/colour"] = float(np.mean([numbers[f"r2/{name}"] for name in COLOURS]))

    for name, shift in SHIFTS.items():
        again = torch.Generator().manual_seed(config.seed + 2)
        moved = draw_nuisances(config.test, again, shift)
        x = _embed(embed, targets[test], moved, device).numpy()
        fit = fits[config.averages[0]]
        numbers[f"shift/{name}"] = regression_scores(fit.predict(x), wanted)["mean_mse"]
    return numbers


def fit_probe(features: np.ndarray, wanted: np.ndarray) -> RidgeFit:
    """Ridge regression whose weight a held-out fifth of the rows chose.

    Features that vary less than ``ALIVE`` of the most varying one are left out: behind a ReLU some
    are nearly always 0, and standardised they are a thousand deviations off where they are not.
    """
    spread = features.std(0)
    features = np.where(spread > ALIVE * spread.max(), features, 0)
    held = len(features) // 5
    scale = np.maximum(wanted.var(0), 1e-12)

    def error(l2: float) -> float:
        fit = fit_ridge(features[held:], wanted[held:], l2)
        squared = (fit.predict(features[:held]) - wanted[:held]) ** 2
        return float((squared.mean(0) / scale).mean())

    return fit_ridge(features, wanted, min(L2, key=error))


def measure_penalty(embed: Embed, config: MeasureConfig, device: torch.device) -> dict[str, float]:
    """How the paper's penalty is distributed over images, unclipped.

    - ``penalty/WHICH/mean``, ``median``, ``p99``, ``max``: WHICH is a nuisance alone, or ``all``;
    - ``penalty/WHICH/impossible``: share of the images beyond ``MOST_CHANGE``;
    - ``penalty/b K/mean`` and ``p99``: along all, for images in the K-th part of b's interval.
    """
    generator = torch.Generator().manual_seed(config.seed + 3)
    targets = draw_targets(config.tail, generator)
    each: dict[str, list[Tensor]] = {name: [] for name in ("all", *NUISANCES)}
    for part in targets.split(_CHUNK):
        nuisances = draw_nuisances(len(part), generator)
        again = draw_nuisances(100 * len(part), generator).view(100, len(part), -1)
        signs = torch.Generator().manual_seed(config.seed + 4)
        for name, value in penalties(embed, part, nuisances, again, signs, device).items():
            each[name].append(value)
    numbers: dict[str, float] = {}
    for name, parts in each.items():
        values = torch.cat(parts)
        numbers |= {f"penalty/{name}/{key}": value for key, value in _spread(values).items()}
    whole = torch.cat(each["all"])
    low, high = RANGES["b"]
    place = ((targets[:, 1] - low) / (high - low) * B_PARTS).long().clamp(0, B_PARTS - 1)
    for part in range(B_PARTS):
        inside = _spread(whole[place == part])
        numbers |= {f"penalty/b {part}/{key}": inside[key] for key in ("mean", "p99")}
    return numbers


def penalties(
    embed: Embed,
    targets: Tensor,
    nuisances: Tensor,
    again: Tensor,
    generator: torch.Generator,
    device: torch.device,
) -> dict[str, Tensor]:
    """``losses.gradient_penalty`` along each nuisance alone and along all, of one backward pass.

    Args:
        targets: [N, 4].
        nuisances: [N, 6].
        again: the nuisances drawn anew, [R, N, 6].
        generator: draws the signs, on the CPU.

    Returns:
        [N] each, on the CPU.
    """
    leaf = nuisances.to(device, copy=True).requires_grad_()
    unit = F.normalize(embed(render(targets.to(device), leaf)).float(), dim=1)
    signs = 2 * torch.randint(0, 2, unit.shape, generator=generator).to(unit) - 1
    (slope,) = torch.autograd.grad((signs * unit).sum(), leaf)
    steps = slope.cpu() * (again - nuisances)  # [R, N, 6]
    alone = steps.square().mean(0).unbind(1)
    return {"all": steps.sum(2).square().mean(0), **dict(zip(NUISANCES, alone, strict=True))}


def _spread(values: Tensor) -> dict[str, float]:
    if not len(values):
        return dict.fromkeys(("mean", "median", "p99", "max", "impossible"), float("nan"))
    return {
        "mean": float(values.mean()),
        "median": float(values.median()),
        "p99": float(values.quantile(0.99)),
        "max": float(values.max()),
        "impossible": float((values > MOST_CHANGE).float().mean()),
    }


def _sets(config: MeasureConfig) -> tuple[Tensor, Tensor]:
    """Targets [L + T, 4], labelled first, and nuisances [M, L + T, 6]."""
    generator = torch.Generator().manual_seed(config.seed)
    count, draws = config.labelled + config.test, max(config.averages)
    targets = draw_targets(count, generator)
    return targets, draw_nuisances(draws * count, generator).view(draws, count, -1)


def _variance_along(
    embed: Embed,
    targets: Tensor,
    nuisances: Tensor,
    names: tuple[str, ...],
    config: MeasureConfig,
    generator: torch.Generator,
    device: torch.device,
) -> float:
    """Variance over draws of these nuisances, the others as given ([>= N, 6])."""
    places = [NUISANCES.index(name) for name in names]
    drawn = []
    for _ in range(config.redraws):
        changed = nuisances[: len(targets)].clone()
        changed[:, places] = draw_nuisances(len(targets), generator)[:, places]
        drawn.append(F.normalize(_embed(embed, targets, changed, device), dim=1))
    return _variance(torch.stack(drawn))


def _variance(unit: Tensor) -> float:
    """Of [R, N, D] over R, without bias; summed over D, mean over N."""
    return float(unit.var(0).sum(1).mean())


@torch.inference_mode()
def _embed(embed: Embed, targets: Tensor, nuisances: Tensor, device: torch.device) -> Tensor:
    """Features [N, D] on the CPU."""
    return torch.cat(
        [embed(render(a, b)).float().cpu() for a, b in _chunks(targets, nuisances, device)]
    )


def _chunks(
    targets: Tensor, nuisances: Tensor, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    for a, b in zip(targets.split(_CHUNK), nuisances.split(_CHUNK), strict=True):
        yield a.to(device), b.to(device)
