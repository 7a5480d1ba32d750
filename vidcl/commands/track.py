"""``vidcl track``: one video in, an overlay of the tracks an extraction would take from it out."""

import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from vidcl.commands.options import option_value, parse
from vidcl.config import load_config
from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.presets import find_preset
from vidcl.progress import show_progress
from vidcl.tracks.extraction.config import HOW, ExtractConfig
from vidcl.tracks.given import GivenBoxes, read_given_boxes


@dataclass(frozen=True)
class Options:
    """See what vidcl extract would take from a video: the regions it follows, how sure it is of
    them, which crops it keeps, and why each track ended.

    The overlay shows every followed frame. Coloured boxes are stored: number and score, a thick
    line and a corner mark where a crop is kept. Thin grey boxes are dropped as too short. Below
    are the first and the newest crop of every track. A table of the tracks is printed. Tracks end
    where long videos are cut into segments, as in a store; the cut at two thirds that makes the
    test split of a store of few videos is left out.

    Examples:
      vidcl track clip.mp4 --out overlay.mp4
      vidcl track clip.mp4 --out overlay.mp4 --start 30 --end 45 --json tracks.json
      vidcl track clip.mp4 --out overlay.mp4 --follow.proposer grid --follow.keep-rate 2
      vidcl track clip.mp4 --out overlay.mp4 --given boxes.json
    """

    video: tyro.conf.Positional[Path]
    """The video file."""
    out: Path
    """The overlay to write: an .mp4 file (H.264)."""
    settings: Annotated[ExtractConfig, tyro.conf.arg(name="")]
    config: str = "extract"
    """A YAML file or preset, as of vidcl extract; every setting of it can be given here too."""
    start: float | None = None
    """Begin at this second of the video; tracks begin anew there."""
    end: float | None = None
    """Stop before this second."""
    given: Path | None = None
    """A file of boxes to start from (the proposer 'given'), instead of proposed ones."""
    json: Path | None = None
    """Write the table and the summary to this file too."""


def run(argv: list[str]) -> int:
    name = option_value(argv, "config") or "extract"
    defaults = load_config(find_preset(name), ExtractConfig)
    options = parse(
        Options,
        argv,
        prog="track",
        default=Options(
            video=tyro.MISSING,  # type: ignore[arg-type]
            out=tyro.MISSING,  # type: ignore[arg-type]
            settings=defaults,
            config=name,
        ),
    )
    _check_files(options)
    settings, given = _with_boxes(options)
    from vidcl.tracks.preview.run import write_preview

    try:
        with show_progress("track", unit="frames") as progress:
            facts = write_preview(
                options.video,
                options.out,
                settings,
                start=options.start,
                end=options.end,
                given=given,
                progress=progress,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; {options.out} was not written.") from None
    if options.json is not None:
        about = {"video": str(options.video), "settings": settings.settings()}
        text = json.dumps(about | facts.as_json(), indent=1)
        try:
            write_atomic(options.json, text.encode("utf-8"))
        except OSError as error:
            raise VidclError(
                f"Cannot write {options.json} ({error.strerror}): name another file."
            ) from error
    print(facts.text())
    for note in [*facts.notes, *_notes(options)]:
        print(f"note: {note}")
    print(f"overlay: {options.out}\nnext:    {_extract_command(options, settings, defaults)}")
    return 0


def _check_files(options: Options) -> None:
    """Refuse files that cannot be written, or that are the input, before any work is done."""
    if options.out.suffix.lower() != ".mp4":
        raise VidclError(f"--out {options.out} must be an .mp4 file: name it overlay.mp4, say.")
    for name, path in (("--out", options.out), ("--json", options.json)):
        if path is None:
            continue
        if path.is_dir():
            raise VidclError(f"{name} {path} is a folder: name a file in it.")
        folder = next(above for above in Path(os.path.abspath(path)).parents if above.exists())
        if not (folder.is_dir() and os.access(folder, os.W_OK)):
            raise VidclError(f"{name} {path}: {folder} takes no files; name another folder.")
        for source in (options.video, options.given):
            if source is not None and os.path.realpath(path) == os.path.realpath(source):
                raise VidclError(f"{name} {path} is the input: name another file.")
    if options.json is not None and os.path.realpath(options.json) == os.path.realpath(options.out):
        raise VidclError(f"--out and --json name the same file {options.out}: name two.")


def _with_boxes(options: Options) -> tuple[ExtractConfig, GivenBoxes | None]:
    """The settings, and the boxes that are given, if any."""
    settings, path = options.settings, options.given
    if path is None:
        folder = settings.given_dir
        return settings, None if folder is None else read_given_boxes(_found(folder, options.video))
    boxes = read_given_boxes(path)
    if settings.follow.proposer != "given":
        follow = settings.follow.model_copy(update={"proposer": "given"})
        settings = settings.model_copy(update={"follow": follow})
    return settings, boxes


def _found(folder: Path, video: Path) -> Path:
    """The file of a video's boxes in the folder ``--given-dir``."""
    there = [path for path in _expected(folder, video) if path.is_file()]
    if len(there) != 1:
        names = " and ".join(path.name for path in _expected(folder, video))
        raise VidclError(f"{folder} must hold the boxes of {video} once: exactly one of {names}.")
    return there[0]


def _expected(folder: Path, video: Path) -> list[Path]:
    """Where an extraction looks for the boxes of a video."""
    return [folder / f"{video.stem}{suffix}" for suffix in (".json", ".csv")]


def _notes(options: Options) -> list[str]:
    """What an extraction of the same video does otherwise."""
    if options.given is None:
        return []
    expected = [path.name for path in _expected(options.given.parent, options.video)]
    if options.given.name in expected:
        return []
    return [f"vidcl extract takes the boxes of {options.video.name} from {' or '.join(expected)}."]


def _extract_command(options: Options, settings: ExtractConfig, defaults: ExtractConfig) -> str:
    """The extraction with the same settings."""
    words = ["vidcl", "extract", str(options.video), "--out", "store"]
    if options.config != "extract":
        words += ["--config", options.config]
    if options.given is not None:
        settings = settings.model_copy(update={"given_dir": options.given.parent})
    words += _changed(settings.model_dump(exclude=set(HOW)), defaults.model_dump(exclude=set(HOW)))
    return shlex.join(words)


def _changed(values: dict[str, Any], defaults: dict[str, Any], prefix: str = "--") -> list[str]:
    """The options that turn ``defaults`` into ``values``."""
    words: list[str] = []
    for name, value in values.items():
        dashed = name.replace("_", "-")
        if isinstance(value, dict):
            words += _changed(value, defaults[name], f"{prefix}{dashed}.")
        elif isinstance(value, bool) and value != defaults[name]:
            words.append(f"{prefix}{'' if value else 'no-'}{dashed}")
        elif value != defaults[name]:
            words += [prefix + dashed, str(value)]
    return words
