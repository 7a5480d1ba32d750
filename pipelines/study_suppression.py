"""What hides what from a contrastive method? Feature suppression (Chen, Luo, Li, NeurIPS 2021).

    python pipelines/study_suppression.py --out study-suppression
    python pipelines/study_suppression.py --out study-suppression --mnist mnist-folder
    python pipelines/study_suppression.py --out quick --parts randbit --seeds 10 --randbit.steps 50
    python pipelines/study_suppression.py --out smoke --smoke

randbit: random bits as further channels, the same in both views, against the digit; on glyphs, on
MNIST (--mnist: a folder of its idx files) and on a folder of images (--images, class = sub-folder).
digits: one of N digits at nine places of every image, against the image. sizes: a large digit
against a small one. background: what frames of a clip share against the object in them. local:
whether clusters of feature maps find letters that stand on one canvas. Each with its controls
beside it. Writes results.json, page.md and plots into --out. The same command goes on where it
stopped. Tune on seeds from 10 on; report on 0, 1, 2.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import tyro

from studies.section import Section, check_choice, write_study
from studies.suppression import background
from studies.suppression.background import BackgroundConfig
from studies.suppression.digits import DigitsConfig, run_digits
from studies.suppression.local import run_local
from studies.suppression.local_arms import SMOKE as LOCAL_SMOKE
from studies.suppression.local_arms import LocalConfig
from studies.suppression.randbit import RandBitConfig, run_randbit
from studies.suppression.sizes import SizesConfig, run_sizes
from vidcl.datasets.mnist import open_mnist
from vidcl.errors import VidclError
from vidcl.jobs import default_workers
from vidcl.told import exit_status
from vidcl.training.processes import choose_device

#: Settings as they are reported.
RANDBIT, DIGITS, SIZES = RandBitConfig(), DigitsConfig(), SizesConfig()
BACKGROUND, LOCAL = BackgroundConfig(), LocalConfig()


@dataclass(frozen=True)
class Options:
    """Command line of the study."""

    out: Path
    """Folder for the runs and the results."""
    parts: tuple[str, ...] = ("randbit", "digits", "sizes", "background", "local")
    """Which parts."""
    mnist: Path | None = None
    """Folder of MNIST's idx files (plain or .gz): a second set for randbit, and the digits of the
    other parts instead of glyphs."""
    images: Path | None = None
    """Folder of images, class = sub-folder, or labelled set: a further set for randbit, and what
    digits are put on."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of pictures, networks and views."""
    randbit: RandBitConfig = RANDBIT
    """Of the part randbit."""
    digits: DigitsConfig = DIGITS
    """Of the part digits."""
    sizes: SizesConfig = SIZES
    """Of the part sizes."""
    background: BackgroundConfig = BACKGROUND
    """Of the part background."""
    local: LocalConfig = LOCAL
    """Of the part local."""
    workers: int = default_workers()
    """Runs side by side."""
    smoke: bool = False
    """A few steps on a few pictures, to see that everything runs; its numbers mean nothing."""


#: What --smoke runs.
SMOKE = {
    "seeds": (0,),
    "randbit": RandBitConfig(
        images=100,
        test=40,
        bits=(0, 2),
        control_bits=2,
        temperatures=(0.1,),
        steps=2,
        batch_size=16,
    ),
    "digits": DigitsConfig(images=100, test=40, unique=(1, 4), steps=2, batch_size=16),
    "sizes": SizesConfig(images=100, test=40, others=(14, 30), steps=2, batch_size=16),
    "local": LOCAL_SMOKE,
}
#: Part -> what runs it.
PARTS: dict[str, Callable[[Options], Section]] = {
    "randbit": lambda o: run_randbit(
        o.out, o.randbit, o.seeds, o.workers, mnist=o.mnist, images=o.images
    ),
    "digits": lambda o: run_digits(
        o.out, o.digits, o.seeds, o.workers, mnist=o.mnist, images=o.images
    ),
    "sizes": lambda o: run_sizes(o.out, o.sizes, o.seeds, o.workers, mnist=o.mnist),
    "background": lambda o: background.run(o.out, o.background, o.seeds, o.workers, o.smoke),
    "local": lambda o: run_local(o.out, o.local, o.seeds, o.workers),
}


def main() -> int:
    return exit_status(lambda: study(parse(sys.argv[1:])))


def parse(argv: list[str]) -> Options:
    default = Options(tyro.MISSING)  # type: ignore[arg-type]
    if "--smoke" in argv:
        default = replace(default, **SMOKE)  # type: ignore[arg-type]
    flags = (tyro.conf.AvoidSubcommands,)
    return tyro.cli(Options, args=argv, default=default, config=flags, description=__doc__)


def study(options: Options) -> None:
    check(options)
    sections = [PARTS[part](options) for part in options.parts]
    page = write_study(
        options.out, "What hides what from a contrastive method? Feature suppression", sections
    )
    print(page.read_text())
    print(f"page: {page}")


def check(options: Options) -> None:
    """Raises:
    VidclError: an unknown part, nothing to run, no such device, or no such set.
    """
    check_choice("part", options.parts, tuple(PARTS), options.seeds, options.workers)
    for part in options.parts:
        choose_device(getattr(options, part).device)
    if options.mnist is not None:
        open_mnist(options.mnist)
    if options.images is not None and not options.images.exists():
        raise VidclError(f"There is no image set at {options.images}: give a folder.")


if __name__ == "__main__":
    sys.exit(main())
