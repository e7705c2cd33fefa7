"""The token that control requests of a local AWS carry; the server names the file that holds it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

HEADER = "X-Esaws-Token"
VARIABLE = "ESAWS_CONTROL_TOKEN"

_LONGEST = 200


def read_token(file: str, port: int | None) -> str | None:
    """Return the token in a file that the server at `port` named; None if the file is not for that server.

    Another program may listen there and name any file, so only a file of this user which holds the token of a local AWS
    at that port is read and sent.
    """
    path = Path(file)
    with suppress(OSError, ValueError):
        found = path.lstat()
        is_ours = not hasattr(os, "getuid") or found.st_uid == os.getuid()
        if path.suffix == ".token" and stat.S_ISREG(found.st_mode) and is_ours and found.st_size <= _LONGEST:
            token = path.read_text(encoding="ascii").strip()
            return token if token.startswith(f"{port}-") else None
    return None
