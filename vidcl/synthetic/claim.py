"""A folder of rendered files remembers what it was rendered from."""

from pathlib import Path

from vidcl.errors import VidclError
from vidcl.files import write_atomic


def claim_folder(mark: Path, text: str) -> None:
    """Write ``text`` to the file ``mark``, or check that it is there already.

    Raises:
        VidclError: ``mark`` says that the folder holds something else.
    """
    if not mark.exists():
        write_atomic(mark, text.encode())
    elif mark.read_text(encoding="utf-8") != text:
        raise VidclError(
            f"{mark.parent} was made with other settings ({mark.name} differs): give a new folder "
            "or remove this one."
        )
