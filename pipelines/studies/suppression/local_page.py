"""The page of local features: tables, findings, and the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studies.section import Section
from vidcl.arms import Measured
from vidcl.config import Config
from vidcl.report.arms import Column, arms_table
from vidcl.report.claims import Claim, claims_table, judge, summary


@dataclass(frozen=True)
class Grid:
    """Where location vectors are taken.

    Attributes:
        layer: of the network.
        enlarged: how many times the canvas is enlarged before it is shown.
        stride: pixels of the canvas between two locations, and the side of the raw patches.
    """

    layer: str
    enlarged: int
    stride: int

    @property
    def name(self) -> str:
        return self.layer if self.enlarged == 1 else f"{self.layer}x{self.enlarged}"


#: resnet_tiny's stages have strides 2, 4 and 8.
GRIDS = (Grid("layer2", 1, 4), Grid("layer2", 2, 2), Grid("layer3", 1, 8), Grid("layer3", 2, 4))
TITLES = {"simclr": "SimCLR", "random": "random network", "pixels": "raw patches"}
SCORES = {
    "ari": "letter or ground, ARI, 2 clusters",
    "ground": "letter or ground, NMI, 5 clusters",
    "letter": "which letter, NMI",
}


def claims() -> list[Claim]:
    """SimCLR against both controls, on every grid."""
    return [
        Claim(f"{SCORES[score]}: above the {TITLES[less]}", score, f"simclr:{grid.name}",
              f"{less}:{grid.name}")
        for score in SCORES
        for grid in GRIDS
        for less in ("random", "pixels")
    ]  # fmt: skip


def section(measured: Measured, seeds: Sequence[int], settings: Config, picture: bytes) -> Section:
    """The part of the study's page."""
    answers = judge(claims(), measured)
    text = f"""## Local features

Chen, Luo & Li cluster the vectors at all locations of an intermediate map, each at unit length, and
paint the clusters back: low layers group edges and colours, high ones parts and objects. Here the
truth is known: canvases of {_of(settings, "size")} px with one to four letters, each in a hue of
its own, on grounds with blotches of all hues. SimCLR on crops, {_of(settings, "steps")} steps of
{_of(settings, "batch_size")}, seeds {", ".join(map(str, seeds))}; k-means on
{_of(settings, "tested")} other canvases. Letter or ground: all locations; letter is where ink
covers a tenth of a cell. Which letter: the locations at the middles of the quarters that hold one,
ten clusters for ten letters. x2: the canvas enlarged twice, for a finer map. Raw patches lie on as
many locations. Scores x100, mean ± standard deviation over seeds; ARI is 0 by chance.

![clusters painted back](local.png)

{arms_table(rows(measured), _columns(), "locations")}
{summary(answers)}

{claims_table(answers, _name, "x100")}"""
    results: dict[str, Any] = {
        "settings": settings.model_dump(mode="json"),
        "seeds": list(seeds),
        "arms": measured,
        "claims": answers,
    }
    return Section("local", text, results, {"local.png": picture})


def rows(measured: Measured) -> Measured:
    """A row per arm and grid."""
    return {
        f"{TITLES[arm]}, {_place(arm, grid)}": {
            score: numbers[f"{score} {grid.name}"] for score in (*SCORES, "chance")
        }
        for arm, numbers in measured.items()
        for grid in GRIDS
    }


def _columns() -> list[Column]:
    shown = SCORES | {"chance": "the same, letters shuffled"}
    return [Column(score, title, 100) for score, title in shown.items()]


def _place(arm: str, grid: Grid) -> str:
    return f"{grid.stride} px on {grid.name}'s grid" if arm == "pixels" else grid.name


def _name(side: str) -> str:
    arm, _, grid = side.partition(":")
    return f"{TITLES[arm]}, {grid}"


def _of(settings: Config, name: str) -> Any:
    return getattr(settings, name)
