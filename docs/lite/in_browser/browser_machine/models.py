"""One copy of each of AWS's models: clients and the local AWS are in one process, and each would read its own."""

from __future__ import annotations

from typing import Any

from botocore.loaders import JSONFileLoader


def install() -> None:
    """Let all loaders of botocore return the same object for a file."""
    read: dict[str, Any] = {}
    load_file = JSONFileLoader.load_file

    def load_once(loader: JSONFileLoader, file_path: str) -> Any:
        if file_path not in read:
            read[file_path] = load_file(loader, file_path)
        return read[file_path]

    JSONFileLoader.load_file = load_once
