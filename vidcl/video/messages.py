"""What FFmpeg itself has to say about a file, for the record and not for the console."""

import os
import re

#: Characters of a record.
LONGEST = 4096

_POINTER = re.compile(r"(?: @ |\b)0x[0-9a-fA-F]+")
_REPEATED = re.compile(r"Last message repeated (\d+) times")


def messages_to_stderr() -> None:
    """Let FFmpeg write its errors to this process's stderr.

    PyAV drops them unless it is told otherwise, and its own way of collecting them calls Python
    from inside the decoder. Only for a process whose stderr somebody collects.
    """
    # imported here: who only cleans messages has no use for a decoder
    import av.logging

    os.environ.setdefault("AV_LOG_FORCE_NOCOLOR", "1")
    av.logging.set_libav_level(av.logging.ERROR)
    av.logging.restore_default_callback()


def clean_messages(text: str) -> str | None:
    """Messages as a record that two runs agree on; None where there are none.

    Pointers are left out, a line that comes several times stands once with its count, and of too
    many lines the last ones stay, ``LONGEST`` characters at most.
    """
    counts: dict[str, int] = {}
    for raw in text.replace("\r", "\n").splitlines():
        line = "".join(mark for mark in _POINTER.sub("", raw) if mark.isprintable()).strip()
        if not line or _REPEATED.fullmatch(line):
            continue
        counts[line] = counts.get(line, 0) + 1
    lines = [line if n == 1 else f"{line} (x{n})" for line, n in counts.items()]
    kept: list[str] = []
    size = 0
    for line in reversed(lines):
        size += len(line) + 1
        if size > LONGEST:
            break
        kept.append(line)
    return "\n".join(reversed(kept)) or None
