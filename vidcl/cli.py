"""The ``vidcl`` command: ``vidcl demo``, ``vidcl extract VIDEOS --out STORE``, ...

Exit status: 0 on success, 1 for a problem the user can solve (one sentence on standard error; the
traceback with ``--debug``), 2 for wrong options, 130 after Ctrl-C.
"""

import importlib
import sys

from vidcl.errors import VidclError
from vidcl.progress import show_warnings_plainly
from vidcl.version import __version__

#: Verb -> what it does. The verb's module is ``vidcl.commands.<verb>``, with '_' for '-'.
VERBS = {
    "demo": "the whole way on a rendered world (or --videos DIR): extract, train, measure, report",
    "extract": "videos (or --images DIR) -> a track store",
    "track": "one video -> an overlay of the tracks that extract would take, and why they ended",
    "inspect": "what a track store holds; --sheet draws sampled tracks",
    "compact": "a store's small shards -> large ones, the same rows in the same order",
    "export-tracks": "a track store -> Parquet or CSV for other tools",
    "train": "a track store and a configuration -> a trained encoder",
    "embed": "an encoder and images -> a table of features",
    "evaluate": "tables of features -> invariance, retrieval, nearest-neighbour accuracy",
    "invariance": "tables of features -> RIS and whitened cosine, with intervals and tests",
    "retrieve": "one table of features -> cross-view retrieval and its gallery",
    "probe": "tables of features -> k-NN, linear, SVM, few-shot, regression and rotation probes",
    "export": "an encoder -> torchvision, timm, official MoCo, safetensors or ONNX, read back",
    "report": "run folders -> one self-contained page",
    "world": "render the procedural world: videos with exact boxes, labelled evaluation sets",
}

USAGE = "\n".join(
    [
        "usage: vidcl VERB [OPTIONS]        vidcl VERB --help",
        "",
        *[f"  {verb:<13} {text}" for verb, text in VERBS.items()],
        "",
        "  --debug    show the traceback of an error",
        "  --version",
        "",
        "examples:",
        "  vidcl demo --out demo-run",
        "  vidcl extract my-videos/ --out store",
        "  vidcl train laptop/region_track --data store --out runs/region_track",
    ]
)


def main(argv: list[str] | None = None) -> int:
    """Run one verb and return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
        return 0 if words else 2
    if words[0] == "--version":
        print(__version__)
        return 0
    if words[0] not in VERBS:
        print(f"vidcl: there is no verb '{words[0]}'.\n\n{USAGE}", file=sys.stderr)
        return 2
    show_warnings_plainly()
    try:
        module = importlib.import_module(f"vidcl.commands.{words[0].replace('-', '_')}")
        return int(module.run(words[1:]) or 0)
    except VidclError as error:
        if debug:
            raise
        print(f"vidcl: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        said = str(interrupt) or "stopped; what is finished is kept, and the same command goes on."
        print(f"\nvidcl: {said}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; that is not an error of ours.
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
