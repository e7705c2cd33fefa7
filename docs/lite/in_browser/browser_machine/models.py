"""One copy of each of AWS's models: clients and the local AWS are in one process, and each would read its own."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from botocore.loaders import JSONFileLoader


def install() -> None:
    """Let all loaders of botocore return the same object for a file, but for the model of S3.

    A client of S3 takes the bucket out of the paths in its model, and the local AWS routes requests by them.
    """
    read: dict[str, Any] = {}
    load_file = JSONFileLoader.load_file

    def load_once(loader: JSONFileLoader, file_path: str) -> Any:
        if PurePath(file_path).parts[-3:-2] == ("s3",):
            return load_file(loader, file_path)
        if file_path not in read:
            read[file_path] = load_file(loader, file_path)
        return read[file_path]

    JSONFileLoader.load_file = load_once
