"""Parse the paths and manifests of exports: AWS writes a folder for each month, and for each delivery below it.

- CUR 2.0 and FOCUS: `<export>/data/BILLING_PERIOD=2026-01/[<time>-<id>/]<name>-00001.snappy.parquet`
- legacy CUR: `<report>/20260101-20260201/[<assembly>/]<name>-1.csv.gz`, or for Athena `<report>/year=2026/month=1/…`

AWS writes the manifest of a month last. It names the files of the month's bill. Azure writes
`<export>/20260101-20260131/<run>/part_0_0001.csv.gz` and a manifest beside the files of each run, with its time.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
https://docs.aws.amazon.com/cur/latest/userguide/understanding-report-versions.html
https://learn.microsoft.com/azure/cost-management-billing/costs/tutorial-improved-exports
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_EXPORT_PATH = re.compile(
    r"^(?P<root>.*?)(?:/?(?:data|metadata))?/?"
    r"(?P<month>billing_period=\d{4}-\d{2}|\d{8}-\d{8}|year=\d{4}/month=\d{1,2})/(?P<rest>.+)$",
    re.IGNORECASE,
)
_TIMESTAMP = re.compile(r"(?<!\d)(20\d\d)-?([01]\d)-?([0-3]\d)[T_ ](\d\d)[:-]?(\d\d)[:-]?(\d\d)")
_EPOCH_SECONDS = re.compile(r"(?<!\d)(1[3-9]\d{8}|20\d{8})(?!\d)")
_DATE = re.compile(r"(?<!\d)(20\d\d)-([01]\d)-([0-3]\d)(?!\d)")
_FILE_NUMBER = re.compile(r"[-_.]?\d+$")
_NAME_BY_AWS = re.compile(r".+-\d+\.(?:snappy\.)?(?:parquet|csv|csv\.gz|csv\.zip|zip)$", re.IGNORECASE)


@dataclass(frozen=True)
class FileLocation:
    """The path of a bill file, in the parts that AWS composes it of."""

    root: str
    """The folder of the export; outside AWS's layout the folder of the file."""
    month: str | None
    """The folder of the month; None outside AWS's layout."""
    delivery: str | None
    """The folder of the delivery; None where each delivery overwrites the one before."""
    name: str
    """The file name."""

    @property
    def path_from_month(self) -> str:
        """The path from the month folder on, as manifests name the file."""
        return "/".join(part for part in (self.month, self.delivery, self.name) if part)

    @property
    def is_numbered_by_aws(self) -> bool:
        """Whether it is one of several files of a delivery, by AWS's folder and the number in its name."""
        return self.month is not None and _NAME_BY_AWS.fullmatch(self.name) is not None

    @property
    def delivery_key(self) -> tuple[str, str]:
        """A key that the files of one delivery share: its folder, or a name whose number counts the files."""
        stem = "" if self.delivery else _FILE_NUMBER.sub("", self.name.split(".")[0])
        return f"{self.root}/{self.month or ''}/{self.delivery or ''}", stem


def parse_location(path: str) -> FileLocation:
    """Split a path or s3:// address."""
    path = path.replace("\\", "/")
    if match := _EXPORT_PATH.match(path):
        delivery, _, name = match["rest"].rpartition("/")
        return FileLocation(match["root"], match["month"], delivery or None, name)
    root, _, name = path.rpartition("/")
    return FileLocation(root, None, None, name)


def timestamp_in_path(path: str) -> float | None:
    """The last timestamp in a path, in seconds since 1970: the time of the export, where exporters write it."""
    for pattern in (_TIMESTAMP, _DATE):
        if matches := pattern.findall(path):
            return _to_epoch(matches[-1])
    matches = _EPOCH_SECONDS.findall(path)
    return float(matches[-1]) if matches else None


def natural_sort_key(name: str) -> list[tuple[int, str]]:
    """A key that sorts names by the numbers in them: 2 before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


@dataclass(frozen=True)
class Manifest:
    """A manifest, with the files that it names by their path from the month folder on."""

    name: str
    location: FileLocation
    files: frozenset[str]
    submitted: float | None = None
    """The time of the delivery, in seconds since 1970, where the manifest tells it."""

    @property
    def is_of_month(self) -> bool:
        """Whether it is the current manifest of a month; the manifest of a delivery is in the delivery's folder."""
        return self.location.month is not None and self.location.delivery is None


def parse_manifest(name: str, content: Any) -> Manifest | None:
    """Parse a JSON document; None if it is not a manifest."""
    if not isinstance(content, Mapping):
        return None
    files = content.get("dataFiles", content.get("reportKeys"))
    if isinstance(blobs := content.get("blobs"), list):
        files = [blob.get("blobName") if isinstance(blob, Mapping) else None for blob in blobs]
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        return None
    run = content.get("runInfo")
    submitted = _parse_time(run.get("submittedTime")) if isinstance(run, Mapping) else None
    paths = frozenset(parse_location(file).path_from_month for file in files)
    return Manifest(name, parse_location(name), paths, submitted)


def current_manifests(
    manifests: Iterable[Manifest], deliveries: Iterable[FileLocation]
) -> dict[tuple[str, str | None], Manifest]:
    """The current manifest of each export and month, by the folders of both.

    It is the manifest of the month; where there is none, that of the delivery that was submitted last, if all
    deliveries have a manifest with a time. `deliveries` are the locations of the files.
    """
    current, of_deliveries = {}, dict[tuple[str, str | None], dict[str | None, Manifest]]()
    for manifest in manifests:
        month = manifest.location.root, manifest.location.month
        if manifest.is_of_month:
            current[month] = manifest
        elif manifest.submitted is not None:
            of_deliveries.setdefault(month, {})[manifest.location.delivery] = manifest
    present = {(location.root, location.month, location.delivery) for location in deliveries}
    for month, by_delivery in of_deliveries.items():
        if all(delivery in by_delivery for *month_of, delivery in present if tuple(month_of) == month):
            current.setdefault(month, max(by_delivery.values(), key=lambda manifest: manifest.submitted or 0))
    return current


def _parse_time(text: Any) -> float | None:
    """Times without an offset are in UTC. Azure writes up to seven digits of a second."""
    try:
        time = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(text)))
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _to_epoch(parts: Sequence[str]) -> float | None:
    year, month, day, hour, minute, second = (int(part) for part in [*parts, "0", "0", "0"][:6])
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None
