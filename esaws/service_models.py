"""botocore's models of AWS's services, which all clouds of a process share, since they are megabytes of JSON."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

from botocore.loaders import JSONFileLoader, Loader, create_loader


class _DictLoader(JSONFileLoader):
    """Reads JSON into plain dicts: as ordered as OrderedDicts, and a third of the objects for garbage collection."""

    def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> Any:
        try:
            with open_method(full_path, "rb") as file:
                return json.load(file)
        except FileNotFoundError:
            return None


class _ModelLoader(Loader):
    """botocore's loader, which lists the folders of all 400 services once, not once for each type of file."""

    FILE_LOADER_CLASS = _DictLoader

    def list_available_services(self, type_name: str) -> list[str]:
        names = {f"{type_name}.json", f"{type_name}.json.gz"}
        return sorted(service for service, files in self._files.items() if not names.isdisjoint(files))

    @cached_property
    def _files(self) -> dict[str, set[str]]:
        """Service → the names of its files, of any version."""
        files: defaultdict[str, set[str]] = defaultdict(set)
        for path in self._potential_locations():
            for service in _folders(path):
                for version in _folders(service.path):
                    files[service.name].update(entry.name for entry in os.scandir(version.path))
        return files


@cache
def model_loader(path: str | None) -> Loader:
    """Return the loader of the models in botocore's folders and in `path`, as AWS_DATA_PATH names them."""
    return _ModelLoader(create_loader(path).search_paths, include_default_search_paths=False)


def _folders(path: str) -> list[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        return [entry for entry in entries if entry.is_dir()]
