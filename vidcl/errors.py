"""Errors a user can act on, and imports that may be absent."""

import importlib
from types import ModuleType


class VidclError(Exception):
    """A problem the user can solve. Its text is one sentence that says what to do.

    The command line prints the text and exits with status 1; ``--debug`` adds the traceback.
    """


def require(module: str, install: str) -> ModuleType:
    """Import ``module``, or say what to install.

    Args:
        module: dotted name, for example ``"faiss"``.
        install: what to give to pip, for example ``"vidcl[cluster]"``.

    Raises:
        VidclError: the module cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise VidclError(
            f"{module} cannot be imported ({error}): run pip install '{install}'."
        ) from error
