"""The end of a script: what went wrong, in a sentence, and an exit status."""

import sys
from collections.abc import Callable

from pydantic import ValidationError

from vidcl.config import refused
from vidcl.errors import VidclError


def exit_status(work: Callable[[], object]) -> int:
    """Do the work of a script that goes on where it stopped: 0, 1 after an error that is told in a
    sentence, 130 after Ctrl-C."""
    try:
        work()
    except (VidclError, ValidationError) as error:
        told = refused(error) if isinstance(error, ValidationError) else error
        print(f"error: {told}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0
