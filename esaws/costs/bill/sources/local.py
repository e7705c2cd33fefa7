"""What a source holds: a file, a glob, a folder with all below it, or a prefix in a bucket.

In a folder every file is either read, or known to be no bill: manifests and what exporters leave to say how far they
are. Anything else is an error, because it may be a part of the bill that is missing then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.dedup.layout import counted
from esaws.costs.bill.dedup.manifest import Manifest, manifest_of
from esaws.costs.bill.files import File
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.cloud import Cloud

_STATUS = re.compile(
    r"(?:[._].*|.*-create-table\.sql|.*-redshift(?:commands|manifest)\.(?:sql|json)|crawler-cfn\.yml"
    r"|aws-programmatic-access-test-object|.*manifest.*\.json|.*\.crc|thumbs\.db|desktop\.ini)",
    re.IGNORECASE,
)
"""Names of files beside bills, by AWS, Hadoop and operating systems: they begin with a dot or an underscore, too."""
_STATUS_FOLDER = "cost_and_usage_data_status"
"""https://docs.aws.amazon.com/cur/latest/userguide/cur-ate-manual.html"""


@dataclass
class Holding:
    """What the sources hold."""

    files: list[File] = field(default_factory=list)
    """The bills, and what may be one."""
    manifests: list[Manifest] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """Files that are no bill."""


def holding(sources: Sequence[str | Path], cloud: Cloud | None, scratch: Path) -> Holding:
    """The files of some sources; a file that is named twice counts once.

    Raises:
        UsageError: there is no such file, or nothing that could be a bill.
    """
    found = Holding()
    for source in dict.fromkeys(map(str, sources)):
        if source.startswith("s3://"):
            from esaws.costs.bill.sources.s3 import fetched

            some, is_named = fetched(source, cloud, scratch)
        else:
            some, is_named = _local(source)
        for file in some:
            if file.name not in {each.name for each in found.files}:
                _sort(file, is_named, found)
    if not found.files:
        skipped = f"; skipped: {', '.join(found.skipped)}" if found.skipped else ""
        raise UsageError(f"there is no bill in {' '.join(map(str, sources)) or 'nothing'}{skipped}")
    found.files.sort(key=lambda file: counted(file.name))
    return found


def _local(source: str) -> tuple[list[File], bool]:
    """The files of a source on this machine, and whether it names a single file."""
    path = Path(source).expanduser()
    if path.is_file():
        return [_file(path)], True
    if path.is_dir():
        return [_file(each) for each in sorted(path.rglob("*")) if each.is_file()], False
    matched = [Path(each) for each in sorted(glob(str(path), recursive=True))]  # noqa: PTH207 - of any path
    if not matched:
        raise UsageError(f"there is no file {source}")
    return [file for each in matched for file in _local(str(each))[0]], False


def _file(path: Path) -> File:
    return File(path, str(path), path.stat().st_mtime)


def _sort(file: File, is_named: bool, found: Holding) -> None:
    """Put a file where it belongs; one that is named by itself is a bill, whatever it is called."""
    content = _json(file.path)
    if content is not None and (manifest := manifest_of(file.name, content)):
        found.manifests.append(manifest)
        found.skipped.append(file.name)
    elif not is_named and (_STATUS.fullmatch(file.path.name) or _below_status(file)):
        found.skipped.append(file.name)
    else:
        found.files.append(file)


def _below_status(file: File) -> bool:
    folders = Path(file.name).parts[:-1]
    return any(part == _STATUS_FOLDER or part.startswith("_") for part in folders)


def _json(path: Path) -> Any:
    """A small JSON document; None for anything else."""
    if path.suffix.lower() != ".json" or path.stat().st_size > 16 * 1024 * 1024:
        return None
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except ValueError:
        return None
