"""The Spirograph images of Foster, Pukdee and Rainforth (2021), differentiable in all parameters.

A hypotrochoid with parameters m, b, h, at 40 points t in linspace(0, 2 pi, 40):

    x = (m - h) cos t + h cos(t (m - h) / b),   y = (m - h) sin t - h sin(t (m - h) / b)

On a grid linspace(-6, 6, size) of either axis (x runs down the rows, y along the columns, as in the
authors' code) the intensity is v(u) = mean_i exp(-|u - p_i|^2 / sigma), divided by its maximum
+ 1e-8; a pixel is v * foreground + (1 - v) * background. Four of the ten parameters are what a
representation should keep (targets), six what it should drop (nuisances, drawn anew per view).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vidcl.errors import VidclError

#: Parameters a linear regression has to read off, in the order of the columns.
TARGETS = ("m", "b", "sigma", "fore_r")
#: Parameters drawn anew for each view, in the order of the columns.
NUISANCES = ("h", "fore_g", "fore_b", "back_r", "back_g", "back_b")
#: Each parameter is uniform on this interval.
RANGES: dict[str, tuple[float, float]] = {
    "m": (2.0, 5.0),
    "b": (0.1, 1.1),
    "sigma": (0.25, 1.0),
    "fore_r": (0.4, 1.0),
    "h": (0.5, 2.5),
    "fore_g": (0.4, 1.0),
    "fore_b": (0.4, 1.0),
    "back_r": (0.0, 0.6),
    "back_g": (0.0, 0.6),
    "back_b": (0.0, 0.6),
}
#: Mean squared error, per target, of the predictor that always says the mean: range^2 / 12.
TRIVIAL_MSE = tuple((RANGES[name][1] - RANGES[name][0]) ** 2 / 12 for name in TARGETS)

_POINTS = 40
_REACH = 6.0  # the grid covers [-reach, reach] on either axis
_SMALL = 1e-8  # added to the maximum, as in the authors' code


@dataclass(frozen=True)
class NuisanceShift:
    """Moves and widens the nuisances' uniform intervals at test time.

    The paper tests robustness by moving the mean and the variance of the background's and the
    foreground's colours and of h; its exact shifts are unknown to us, so the values given here are
    our choice. An interval [low, high] with middle c and half-width w becomes
    [c + move - spread * w, c + move + spread * w]. Colours so drawn are clamped to [0, 1] to stay
    renderable (a large shift therefore piles up at the border), and h to at least 0. ``fore`` is
    the foreground's green and blue; its red is a target and is never moved.

    Attributes:
        back_move, fore_move: added to the colours, in units of intensity (the range is 1).
        h_move: added to h, in the grid's units.
        back_spread, fore_spread, h_spread: factors of the half-width, >= 0 (0: a constant).

    Raises:
        VidclError: a spread is negative.
    """

    back_move: float = 0.0
    back_spread: float = 1.0
    fore_move: float = 0.0
    fore_spread: float = 1.0
    h_move: float = 0.0
    h_spread: float = 1.0

    def __post_init__(self) -> None:
        if min(self.back_spread, self.fore_spread, self.h_spread) < 0:
            raise VidclError("Give spreads of at least 0 to a nuisance shift.")

    def of(self, name: str) -> tuple[float, float]:
        """Move and spread of one nuisance."""
        if name == "h":
            return self.h_move, self.h_spread
        if name.startswith("back"):
            return self.back_move, self.back_spread
        return self.fore_move, self.fore_spread


def draw_targets(n: int, generator: torch.Generator) -> Tensor:
    """Targets of n images, float32 [N, 4] in the order of ``TARGETS``, uniform on ``RANGES``.

    The generator is one of the CPU; move the result to the device that renders.
    """
    low, high = _bounds(TARGETS)
    return low + (high - low) * torch.rand(n, len(TARGETS), generator=generator)


def draw_nuisances(
    n: int, generator: torch.Generator, shift: NuisanceShift | None = None
) -> Tensor:
    """Nuisances of n images, float32 [N, 6] in the order of ``NUISANCES``.

    Without a shift they are uniform on ``RANGES``. One generator state gives the same relative
    places in the intervals with and without a shift, so that shifts can be compared draw by draw.
    The generator is one of the CPU.
    """
    low, high = _bounds(NUISANCES)
    place = torch.rand(n, len(NUISANCES), generator=generator)
    if shift is None:
        return low + (high - low) * place
    move, spread = torch.tensor([shift.of(name) for name in NUISANCES]).T
    drawn = (low + high) / 2 + move + spread * (high - low) * (place - 0.5)
    top = torch.tensor([math.inf if name == "h" else 1.0 for name in NUISANCES])
    return drawn.clamp(torch.zeros(len(NUISANCES)), top)


def render(targets: Tensor, nuisances: Tensor, size: int = 32) -> Tensor:
    """Draw the images.

    The Gaussian factorises over the axes, so a batch is one batched product of [size, 40] with
    [40, size]. Can be differentiated twice with regard to either argument.

    Args:
        targets: floating [N, 4], in the order of ``TARGETS``.
        nuisances: [N, 6] of the same type and device, in the order of ``NUISANCES``.
        size: side in pixels.

    Returns:
        [N, 3, size, size] in [0, 1] for colours in [0, 1], of the arguments' type.
    """
    m, b, sigma, fore_r = targets.unsqueeze(-1).unbind(1)
    h = nuisances[:, :1]
    fore = torch.cat((fore_r, nuisances[:, 1:3]), dim=1)
    back = nuisances[:, 3:6]
    t = torch.linspace(0, 2 * math.pi, _POINTS, dtype=targets.dtype, device=targets.device)
    arm, turn = m - h, (m - h) / b
    x = arm * t.cos() + h * (t * turn).cos()
    y = arm * t.sin() - h * (t * turn).sin()
    grid = torch.linspace(-_REACH, _REACH, size, dtype=targets.dtype, device=targets.device)
    width = sigma.unsqueeze(-1)
    rows = torch.exp(-((grid.view(1, -1, 1) - x.unsqueeze(1)) ** 2) / width)
    columns = torch.exp(-((grid.view(1, 1, -1) - y.unsqueeze(2)) ** 2) / width)
    ink = torch.bmm(rows, columns) / _POINTS
    ink = ink / (ink.flatten(1).max(dim=1).values.view(-1, 1, 1) + _SMALL)
    ink = ink.unsqueeze(1)
    return ink * fore[:, :, None, None] + (1 - ink) * back[:, :, None, None]


def _bounds(names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    low, high = torch.tensor([RANGES[name] for name in names]).T
    return low, high
