"""Write files so that readers see the old content or the new, never half of it; find the folders of caches and runs."""

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, content: bytes | str, *, private: bool = False) -> None:
    """Replace the content of a file in one step. Text is written as UTF-8.

    With `private`, only the owner may read the file.

    Raises:
        OSError: the file can't be written; the old one is unchanged.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(temporary, flags, 0o600 if private else 0o666), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def make_private_folder(path: Path) -> None:
    """Create a folder, and missing ones above it, that only this user can enter. One that exists becomes private.

    The mode of the home folder, of a shared one like /tmp, and of one of another user stays.

    Raises:
        OSError: it can't be created.
    """
    if not path.parent.exists():
        make_private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.stat()
    is_own = hasattr(os, "getuid") and found.st_uid == os.getuid()
    is_shared = found.st_mode & stat.S_ISVTX or path.resolve() == Path.home()
    if is_own and not is_shared and stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)


def open_private(path: Path) -> BinaryIO:
    """Open an empty file, such as a log, that only its owner can read. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)  # one that exists
    return os.fdopen(descriptor, "wb")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to. When the block ends without an error, that file replaces `path` in one step.

    For content that is too large for `write_atomically`. The temporary file is in the same folder, and is removed after
    an error.

    Raises:
        OSError: the file can't be written; the old one is unchanged.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    try:
        temporary.open("xb").close()
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def user_cache_folder() -> Path:
    """The folder of esaws's caches: under XDG_CACHE_HOME, else where the system keeps caches (`~/.cache` on Linux)."""
    from platformdirs import user_cache_path

    configured = os.environ.get("XDG_CACHE_HOME")
    return Path(configured) / "esaws" if configured else user_cache_path("esaws", appauthor=False)


def journal_folder() -> Path:
    """Return the folder of journals and of executed runbooks: `ESAWS_RUNS`, or `runs/` in the working directory."""
    return Path(os.environ.get("ESAWS_RUNS") or "runs").absolute()
