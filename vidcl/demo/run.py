"""``vidcl demo``: videos -> tracks -> three trainings -> measurement -> one page."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidcl.config import dump_config
from vidcl.datasets.labelled import LabelledSet
from vidcl.demo import stages
from vidcl.demo.config import DemoConfig
from vidcl.demo.figures import draw_figures
from vidcl.errors import VidclError
from vidcl.evaluation.evaluate import System, evaluate
from vidcl.evaluation.galleries import build_gallery, write_galleries
from vidcl.evaluation.results import table_text, write_results
from vidcl.files import write_atomic
from vidcl.progress import Progress, show_progress
from vidcl.report.build import build_report
from vidcl.synthetic.claim import claim_folder


def run_demo(out: Path, config: DemoConfig, videos: list[str] | None, workers: int) -> Path:
    """Run every stage that is not yet done in ``out``, and return the path of the page.

    Args:
        out: folder for the world, the store, the runs, results.json and report.html.
        config: presets and budget.
        videos: a user's own files or folders; None trains on the world's videos.
        workers: processes side by side.

    Raises:
        VidclError: a stage cannot be done; ``out`` holds another demo.
    """
    started = time.monotonic()
    source = "own videos" if videos else "the world's videos"
    claim_folder(out / "demo.yaml", f"# {source}\n{dump_config(config)}")
    timings: dict[str, float] = {}

    with _stage("render", timings, "videos") as progress:
        sources = videos or [
            str(stages.render(config, out / "world", workers=workers, progress=progress))
        ]
    with _stage("sets", timings, "sets") as progress:
        sets = stages.render_sets(config, out / "world" / "sets", progress=progress)
    with _stage("extract", timings, "shards") as progress:
        extracted = stages.extract_tracks(
            sources,
            config.extract_videos if videos else config.extract,
            out / "store",
            workers=workers,
            progress=progress,
        )
    print(f"  {extracted.tracks} tracks, {extracted.crops} crops from {extracted.videos} videos")
    for note in extracted.notes:
        print(f"  note: {note}")
    with _stage("train", timings, "steps") as progress:
        stages.train_systems(
            config, out / "store", out / "runs", workers=workers, progress=progress
        )
    if videos:
        tracks = stages.held_out_tracks(out / "store", config.seed)
        if tracks is None:
            print("  note: too few held-out tracks to search; retrieval among own tracks left out")
        else:
            sets = {**sets, "tracks": tracks}
    with _stage("embed", timings, "systems") as progress:
        systems = stages.embed_systems(config, sets, out, progress=progress)
    with _stage("measure", timings, "tables") as progress:
        results = evaluate(
            systems,
            title="vidcl demo on own videos" if videos else "vidcl demo",
            settings=_settings(config, videos),
            timings=timings,
            store="store",
            progress=progress,
        )
    with _stage("draw", timings, "") as progress:
        write_galleries([_gallery(name, data, systems, config) for name, data in sets.items()], out)
        draw_figures(out, [f"runs/{name}" for name in config.systems], seed=config.seed)
    timings["total"] = time.monotonic() - started
    write_results({**results, "timings": timings}, out / "results.json")
    page = build_report(out)
    tables = [table_text(results, name) for name in results["sets"]]
    write_atomic(out / "results.txt", ("\n\n".join(tables) + "\n").encode())
    print("\n" + "\n\n".join(tables))
    print("\nseconds: " + ", ".join(f"{name} {took:.0f}" for name, took in timings.items()))
    return page


@contextmanager
def _stage(name: str, timings: dict[str, float], unit: str) -> Iterator[Progress]:
    started = time.monotonic()
    with show_progress(name, unit=unit) as progress:
        yield progress
    timings[name] = time.monotonic() - started


def _gallery(
    name: str, data: LabelledSet, systems: list[System], config: DemoConfig
) -> dict[str, Any]:
    """What every trained system and the colour histogram find for the same queries."""
    shown = [s for s in systems if s.kind == "trained" or s.name == "colour histogram"]
    tables: dict[str, pa.Table] = {system.name: system.runs[0][name] for system in shown}
    if name == "tracks":
        return build_gallery(
            name,
            tables,
            data,
            position_column="position",
            min_gap=0.5,
            circular=False,
        )
    return build_gallery(name, tables, data)


def _settings(config: DemoConfig, videos: list[str] | None) -> dict[str, Any]:
    return {"demo": config.model_dump(mode="json"), "videos": "own" if videos else "world"}


def check_videos(videos: list[Path]) -> list[str]:
    """The given paths as sources of an extraction.

    Raises:
        VidclError: one of them does not exist.
    """
    for path in videos:
        if not path.exists():
            raise VidclError(f"{path} does not exist: name a folder of videos or a video file.")
    return [str(path) for path in videos]
