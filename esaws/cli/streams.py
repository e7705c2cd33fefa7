"""Standard streams that can be closed, full, or unable to write a character: a command survives all of them."""

import codecs
import errno
import os
import sys

ASCII = {
    "→": "->",
    "←": "<-",
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "≤": "<=",
    "≥": ">=",
    "×": "x",
    "·": "-",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "€": "EUR",
}
"""What a terminal shows for a character that its encoding lacks; any other becomes a question mark."""


def repair_streams() -> None:
    """Open standard streams that are closed, and replace characters that the terminal can't show.

    Without this a file or socket that the command opens could take the number of a closed stream, and receive its text.
    (Where the encoding is ASCII, click writes UTF-8: such a terminal is mostly a misconfigured one.)
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, _open_nothing(number, mode))
    codecs.register_error("ascii-look-alike", _look_alike)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and (stream.encoding or "").lower().replace("-", "") != "utf8":
            stream.reconfigure(errors="ascii-look-alike")


def flush_streams() -> str:
    """Write what is buffered. Return why standard output can't be written, or "" if it can or its reader has left.

    A stream that can't be written is discarded, so that Python's own flush at exit doesn't fail again.
    """
    reason = ""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError as error:
            if number == 1 and error.errno != errno.EPIPE:
                reason = error.strerror or str(error)
            discard_output(number)
        except ValueError:  # it was closed meanwhile
            continue
    return reason


def discard_output(number: int) -> None:
    """Send a standard stream to nowhere, including what is buffered for it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _open_nothing(number: int, mode: str) -> object:
    opened = os.open(os.devnull, os.O_RDONLY if mode == "r" else os.O_WRONLY)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    return os.fdopen(number, mode, encoding="utf-8", closefd=False)


def _look_alike(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(ASCII.get(character, "?") for character in text), error.end
