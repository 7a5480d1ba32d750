"""Turn videos into a track store, on Ray. Run it again to finish, extend or check a store.

    python pipelines/extract_tracks.py VIDEOS --out STORE
    python pipelines/extract_tracks.py a.mp4 'more/**/*.mkv' list.txt --out STORE --workers 8
    python pipelines/extract_tracks.py VIDEOS --out STORE --follow.proposer grid --workers 2
    python pipelines/extract_tracks.py s3://bucket/videos/ --out STORE --spool-dir /scratch
    python pipelines/extract_tracks.py VIDEOS --out STORE --retry-failed --video-timeout 3600

On a cluster (pip install 'vidcl[cluster]'), with VIDEOS and STORE on a disk that all machines see:

    ray job submit --address http://HEAD:8265 --working-dir . -- \\
        python pipelines/extract_tracks.py VIDEOS --out STORE

The same command does what is missing, and tries again what failed for a reason outside the file (a
worker was killed, a file was away); --retry-failed does everything that failed again.

Exit status: 0 when every file was read or its fault is listed in STORE/videos.parquet; 1 for a
problem you can solve (one sentence says how; a shard that was not finished is one); 3 when vidcl
itself failed on a file, which then has the traceback in videos.parquet; 130 after Ctrl-C (the same
command continues).
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import ValidationError

from vidcl.config import load_config, refused
from vidcl.errors import VidclError
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.run import extract
from vidcl.tracks.extraction.show import show_counts
from vidcl.tracks.inspect import summarize

PRESET = Path(__file__).resolve().parents[1] / "configs" / "extract.yaml"


@dataclass
class Job:
    """What the command line says."""

    sources: tyro.conf.Positional[tuple[str, ...]]
    """Videos: files, folders, glob patterns, remote addresses (s3://..., https://...), .txt lists
    of paths and addresses."""
    out: Path
    """Folder of the track store."""
    config: Annotated[ExtractConfig, tyro.conf.arg(name="")]
    preset: Path = PRESET
    """YAML file that the settings start from."""
    retry_failed: bool = False
    """Do the segments that met a fault again, whatever it was."""
    update: bool = False
    """Extract files again that changed since they were planned."""


def main() -> int:
    try:
        job = parse()
        with show_counts("extract") as watch:
            report = extract(
                job.sources,
                job.out,
                job.config,
                retry_failed=job.retry_failed,
                update=job.update,
                watch=watch,
            )
        print(summarize(job.out))
    except VidclError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print("Stopped; finished shards stay, and the same command continues.", file=sys.stderr)
        for note in getattr(error, "__notes__", ()):
            print(f"note: {note}", file=sys.stderr)
        return 130
    for note in report.notes:
        print(f"note: {note}")
    print(f"{report.ending(job.out)}\nNext: vidcl inspect {job.out} --sheet sheet.png")
    return 3 if report.internal else 0


def parse() -> Job:
    """The preset first, since the other options start from it."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--preset", type=Path, default=PRESET)
    preset = early.parse_known_args()[0].preset
    default = Job(tyro.MISSING, tyro.MISSING, load_config(preset, ExtractConfig), preset)
    flags = (tyro.conf.AvoidSubcommands,)
    try:
        return tyro.cli(Job, default=default, config=flags, description=__doc__)
    except ValidationError as error:
        raise refused(error) from error


if __name__ == "__main__":
    sys.exit(main())
