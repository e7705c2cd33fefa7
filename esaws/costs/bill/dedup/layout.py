"""What the path of a file tells: AWS lays exports out in folders of a month, and below it of a delivery.

- CUR 2.0 and FOCUS: `<export>/data/BILLING_PERIOD=2026-01/[<time>-<id>/]<name>-00001.snappy.parquet`
- legacy CUR: `<report>/20260101-20260201/[<assembly>/]<name>-1.csv.gz`, or for Athena `<report>/year=2026/month=1/…`

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
https://docs.aws.amazon.com/cur/latest/userguide/understanding-report-versions.html
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_MONTHS = re.compile(
    r"^(?P<root>.*?)(?:/?(?:data|metadata))?/?"
    r"(?P<month>billing_period=\d{4}-\d{2}|\d{8}-\d{8}|year=\d{4}/month=\d{1,2})/(?P<rest>.+)$",
    re.IGNORECASE,
)
_MOMENT = re.compile(r"(?<!\d)(20\d\d)-?([01]\d)-?([0-3]\d)[T_ ](\d\d)[:-]?(\d\d)[:-]?(\d\d)")
_SECONDS = re.compile(r"(?<!\d)(1[3-9]\d{8}|20\d{8})(?!\d)")
_DAY = re.compile(r"(?<!\d)(20\d\d)-([01]\d)-([0-3]\d)(?!\d)")
_PIECE = re.compile(r"[-_.]?\d+$")
_NAMED_BY_AWS = re.compile(r".+-\d+\.(?:snappy\.)?(?:parquet|csv|csv\.gz|csv\.zip|zip)$", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where a file of a bill lies."""

    root: str
    """The export: its folder, or where nothing is laid out as AWS does it the file's own folder."""
    month: str | None
    """The folder of its month; None where nothing is laid out as AWS does it."""
    delivery: str | None
    """The folder of its delivery: None where each overwrites the one before."""
    name: str
    """The rest."""

    @property
    def tail(self) -> str:
        """Its path from the month on, as manifests name it."""
        return "/".join(part for part in (self.month, self.delivery, self.name) if part)

    @property
    def is_piece(self) -> bool:
        """Whether AWS itself says that it is one of several pieces: by its folder and a number behind its name."""
        return self.month is not None and _NAMED_BY_AWS.fullmatch(self.name) is not None

    @property
    def export(self) -> tuple[str, str]:
        """What files of one delivery have in common; a name's number counts the pieces of an export."""
        stem = _PIECE.sub("", self.name.split(".")[0])
        return f"{self.root}/{self.month or ''}/{self.delivery or ''}", stem


def place_of(path: str) -> Place:
    """Where a file lies, by its path or address."""
    path = path.replace("\\", "/")
    if found := _MONTHS.match(path):
        delivery, _, name = found["rest"].rpartition("/")
        return Place(found["root"], found["month"], delivery or None, name)
    root, _, name = path.rpartition("/")
    return Place(root, None, None, name)


def moment_in(path: str) -> float | None:
    """The last moment that a path names, in seconds since 1970: when an export was made, where exporters say so."""
    for pattern in (_MOMENT, _DAY):
        if found := pattern.findall(path):
            return _seconds(found[-1])
    found = _SECONDS.findall(path)
    return float(found[-1]) if found else None


def counted(name: str) -> list[tuple[int, str]]:
    """What names are sorted by as people count: 2 before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _seconds(parts: Sequence[str]) -> float | None:
    year, month, day, hour, minute, second = (int(part) for part in [*parts, "0", "0", "0"][:6])
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None
