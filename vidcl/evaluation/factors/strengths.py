"""What each severity of each factor means, as data."""

from dataclasses import dataclass

from vidcl.errors import VidclError

#: The image as it is.
UNTOUCHED = 0


@dataclass(frozen=True)
class Factor:
    """One way to change an image, at severities 1 to 5 (0 leaves it as it is)."""

    name: str
    quantities: tuple[str, ...]
    """What is set, with its unit."""
    steps: tuple[tuple[float, ...], ...]
    """Severity 1 first: the value of each quantity."""
    drawn: str
    """What chance decides for each image, once for all severities."""


def _one(name: str, quantity: str, values: tuple[float, ...], drawn: str) -> Factor:
    return Factor(name, (quantity,), tuple((value,) for value in values), drawn)


#: In the order in which tables and pictures show them.
FACTORS = {
    factor.name: factor
    for factor in (
        _one(
            "occlusion",
            "share of the area covered",
            (0.05, 0.10, 0.20, 0.35, 0.50),
            "the point about which the patch grows",
        ),
        _one(
            "crop",
            "share of the area shown",
            (0.80, 0.60, 0.40, 0.25, 0.10),
            "the point to which the window shrinks",
        ),
        _one("rotation", "degrees", (10.0, 20.0, 35.0, 60.0, 90.0), "left or right"),
        _one("scale", "side of the shrunk image, share", (0.85, 0.70, 0.55, 0.40, 0.25), "nothing"),
        Factor(
            "colour",
            (
                "turn of the hue in degrees",
                "change of the saturation, share",
                "red against blue, stops each way on stored values",
            ),
            (
                (8.0, 0.10, 0.05),
                (16.0, 0.20, 0.10),
                (28.0, 0.35, 0.18),
                (44.0, 0.50, 0.28),
                (70.0, 0.70, 0.42),
            ),
            "the three signs",
        ),
        _one(
            "blur",
            "standard deviation, share of the shorter side",
            (0.01, 0.02, 0.035, 0.055, 0.08),
            "nothing",
        ),
        _one(
            "noise",
            "standard deviation on stored (sRGB) values in 0..1",
            (0.04, 0.08, 0.14, 0.22, 0.35),
            "the field, which grows",
        ),
        _one("jpeg", "quality", (60.0, 30.0, 15.0, 8.0, 4.0), "nothing"),
    )
}

#: The severities that change an image.
SEVERITIES = tuple(range(1, 6))


def step_of(name: str, severity: int) -> tuple[float, ...]:
    """The values of a factor's quantities at a severity of 1 to 5.

    Raises:
        VidclError: there is no such factor or severity.
    """
    if name not in FACTORS:
        raise VidclError(f"There is no factor '{name}': choose from {', '.join(FACTORS)}.")
    if severity not in SEVERITIES:
        raise VidclError(
            f"Severities are whole numbers from 1 to {SEVERITIES[-1]} "
            f"({UNTOUCHED} is the image as it is), not {severity}."
        )
    return FACTORS[name].steps[severity - 1]
