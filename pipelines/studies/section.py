"""What a study leaves: sections of a page, each with its numbers and its plot."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.files import write_atomic


@dataclass(frozen=True)
class Section:
    """One experiment of a study.

    Attributes:
        name: a short word; names its files.
        text: Markdown, from a heading of level 2 on.
        results: what json can write: settings, seeds, every number.
        plots: PNG by file name, as the text links them.
    """

    name: str
    text: str
    results: dict[str, Any]
    plots: dict[str, bytes] = field(default_factory=dict)


def write_study(out: Path, title: str, sections: Sequence[Section]) -> Path:
    """``page.md``, ``results.json`` and the plots of a study; the page's path."""
    for section in sections:
        for name, plot in section.plots.items():
            write_atomic(out / name, plot)
    results = {section.name: section.results for section in sections}
    write_atomic(out / "results.json", (json.dumps(results, indent=1) + "\n").encode())
    text = "\n".join([f"# {title}\n", *(section.text for section in sections)])
    page = out / "page.md"
    write_atomic(page, text.encode())
    return page


def check_choice(
    what: str, chosen: Sequence[str], known: Sequence[str], seeds: Sequence[int], workers: int
) -> None:
    """Refuse what cannot be run before anything is.

    Args:
        what: is chosen: "arm", "part".

    Raises:
        VidclError: something unknown, nothing, something twice, a seed below 0, no worker.
    """
    for one in chosen:
        if one not in known:
            raise VidclError(f"There is no {what} '{one}': choose from {', '.join(known)}.")
    for values, name in ((chosen, what), (seeds, "seed")):
        if not values or len(set(values)) < len(values):
            raise VidclError(f"Give at least one {name}, and every {name} once.")
    if min(seeds) < 0 or workers < 1:
        raise VidclError("Give no seed below 0, and at least one worker.")
