"""``vidcl demo``: the whole way in one command."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vidcl.commands.options import option_value, parse
from vidcl.config import load_config
from vidcl.demo.config import DemoConfig
from vidcl.jobs import default_workers
from vidcl.presets import find_preset


@dataclass(frozen=True)
class Options:
    """Render videos (or take yours), extract tracks, train, measure, and write a page.

    Three systems are trained on the same videos with the same number of pairs: MoCo on whole
    frames, MoCo on region crops, and region tracks. The same command run again goes on where it
    stopped.

    Examples:
      vidcl demo
      vidcl demo --videos my-videos/ --out my-run
      vidcl demo --steps 2000
    """

    settings: Annotated[DemoConfig, tyro.conf.arg(name="")]
    out: Path = Path("demo-run")
    """The folder of the demo: world/, store/, runs/, results.json, report.html."""
    videos: tuple[Path, ...] = ()
    """Train on these videos instead: files or folders."""
    config: str = "demo"
    """A YAML file or preset."""
    workers: int = default_workers()
    """Processes side by side."""


def run(argv: list[str]) -> int:
    name = option_value(argv, "config") or "demo"
    default = Options(settings=load_config(find_preset(name), DemoConfig), config=name)
    options = parse(Options, argv, prog="demo", default=default)
    from vidcl.demo.run import check_videos, run_demo

    videos = check_videos(list(options.videos)) or None
    page = run_demo(options.out, options.settings, videos, options.workers)
    print(f"page: {page}")
    return 0
