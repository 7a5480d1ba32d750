"""Objects as bytes, with the modules they need, for processes that only hand them on."""

import io
import pickle
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Packed:
    """A pickled object.

    Attributes:
        data: the pickle.
        modules: that it imports when it is unpacked, and those that it names itself in an
            attribute ``modules``: what it imports only when it is used.
    """

    data: bytes
    modules: tuple[str, ...]

    def unpack(self) -> Any:
        """The object again."""
        return pickle.loads(self.data)


def pack(thing: Any) -> Packed:
    """Pickle a thing; what is packed already stays as it is.

    Raises:
        TypeError, AttributeError, pickle.PicklingError: it does not pickle.
    """
    if isinstance(thing, Packed):
        return thing
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.dump(thing)
    used = pickler.modules.union(getattr(thing, "modules", ()))
    return Packed(buffer.getvalue(), tuple(sorted(used)))


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, protocol: int) -> None:
        super().__init__(buffer, protocol)
        self.modules: set[str] = set()

    def reducer_override(self, thing: Any) -> Any:
        # a class or a function has a module, another object has its class's
        module = getattr(thing, "__module__", None) or type(thing).__module__
        if isinstance(module, str) and module != "builtins":
            self.modules.add(module)
        return NotImplemented
