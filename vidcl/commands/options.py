"""What the verbs share: parsing of options and of configuration overrides."""

import inspect
from typing import Any, TypeVar

import tyro
from pydantic import ValidationError

from vidcl.config import refused

T = TypeVar("T")


def parse(kind: type[T], argv: list[str], *, prog: str, default: Any = None) -> T:
    """Read ``argv`` into the dataclass ``kind``; ``--help`` and wrong options end the program.

    Raises:
        VidclError: settings do not fit together.
    """
    kwargs = {} if default is None else {"default": default}
    try:
        return tyro.cli(
            kind,
            args=argv,
            prog=f"vidcl {prog}",
            # Given whole, since tyro leaves the examples out of a docstring it reads itself.
            description=inspect.cleandoc(kind.__doc__ or ""),
            config=(tyro.conf.AvoidSubcommands,),
            **kwargs,
        )
    except ValidationError as error:
        raise refused(error) from error


def option_value(argv: list[str], name: str) -> str | None:
    """The value of ``--name value`` or ``--name=value``, read before the full parse.

    A configuration file must be loaded first: its values are the defaults of all other options.
    """
    for k, word in enumerate(argv):
        if word == f"--{name}" and k + 1 < len(argv):
            return argv[k + 1]
        if word.startswith(f"--{name}="):
            return word.split("=", 1)[1]
    return None


def first_positional(argv: list[str]) -> str | None:
    """The first word, where it is not an option."""
    return argv[0] if argv and not argv[0].startswith("-") else None
