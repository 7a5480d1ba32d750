"""``python -m vidcl.datasets [SPEC ...]``: the kinds of data sets, or what lies at a place."""

import sys

from vidcl.datasets.describe import describe
from vidcl.datasets.registry import KINDS, PART, open_dataset
from vidcl.errors import VidclError


def main(specs: list[str]) -> int:
    """Print the kinds, or open each set and print it; 1 where one cannot be opened."""
    if not specs:
        width = max(map(len, KINDS))
        for name, kind in KINDS.items():
            print(f"{name:<{width}}  {kind.description}")
        print(f"\nGive KIND:PATH to check a set, KIND{PART}:PATH where it need not be whole.")
        return 0
    try:
        for spec in specs:
            print(describe(open_dataset(spec)))
    except VidclError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
