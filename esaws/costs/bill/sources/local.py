"""List the files of sources: a file, a glob, a folder with everything below it, or a prefix in a bucket.

In a folder every file is read, or is a known companion of bills: manifests, and the status files of exporters. Any
other file is an error, because it may be a missing part of the bill.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.bill_file import File
from esaws.costs.bill.dedup.layout import Manifest, natural_sort_key, parse_manifest
from esaws.costs.bill.sources.s3 import download
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.cloud import Cloud

_COMPANION_NAME = re.compile(
    r"(?:[._].*|.*-create-table\.sql|.*-redshift(?:commands|manifest)\.(?:sql|json)|crawler-cfn\.yml"
    r"|aws-programmatic-access-test-object|.*manifest.*\.json|.*\.crc|thumbs\.db|desktop\.ini)",
    re.IGNORECASE,
)
"""Names of files that AWS, Hadoop and operating systems put beside bills; also any with a leading dot or underscore."""
_STATUS_FOLDER = "cost_and_usage_data_status"
"""https://docs.aws.amazon.com/cur/latest/userguide/cur-ate-manual.html"""


@dataclass
class SourceFiles:
    """The files of some sources."""

    files: list[File] = field(default_factory=list)
    """Bills, and files that may be bills."""
    manifests: list[Manifest] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """Files that are not bills."""


def list_files(sources: Sequence[str | Path], cloud: Cloud | None, scratch: Path) -> SourceFiles:
    """List the files of some sources. A file that several sources name counts once.

    Raises:
        UsageError: a source does not exist, or no file can be a bill.
    """
    listing, names = SourceFiles(), set[str]()
    for source in dict.fromkeys(map(str, sources)):
        files, is_single = download(source, cloud, scratch) if source.startswith("s3://") else _list_local(source)
        for file in files:
            if file.name not in names:
                names.add(file.name)
                _classify(file, is_single, listing)
    if not listing.files:
        skipped = f" (skipped: {', '.join(listing.skipped)})" if listing.skipped else ""
        raise UsageError(f"no bill in {' '.join(map(str, sources)) or 'an empty list of sources'}{skipped}")
    listing.files.sort(key=lambda file: natural_sort_key(file.name))
    return listing


def _list_local(source: str) -> tuple[list[File], bool]:
    """The local files of a source, and whether it is a single file."""
    path = Path(source).expanduser()
    if path.is_file():
        return [_file(path)], True
    if path.is_dir():
        return [_file(child) for child in sorted(path.rglob("*")) if child.is_file()], False
    matches = sorted(glob(str(path), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
    if not matches:
        raise UsageError(f"{source} not found; check the path, or give a folder, a glob or s3://bucket/prefix")
    return [file for match in matches for file in _list_local(match)[0]], False


def _file(path: Path) -> File:
    return File(path, str(path), path.stat().st_mtime)


def _classify(file: File, is_single: bool, listing: SourceFiles) -> None:
    """Add a file to the bills, manifests or skipped files. A file that a source names itself is a bill."""
    content = _read_json(file.path)
    if content is not None and (manifest := parse_manifest(file.name, content)):
        listing.manifests.append(manifest)
        listing.skipped.append(file.name)
    elif not is_single and (_COMPANION_NAME.fullmatch(file.path.name) or _is_in_status_folder(file)):
        listing.skipped.append(file.name)
    else:
        listing.files.append(file)


def _is_in_status_folder(file: File) -> bool:
    folders = Path(file.name).parts[:-1]
    return any(part == _STATUS_FOLDER or part.startswith("_") for part in folders)


def _read_json(path: Path) -> Any:
    """A small JSON document; None for anything else."""
    if path.suffix.lower() != ".json" or path.stat().st_size > 16 * 1024 * 1024:
        return None
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None
