"""The exports that accounts have created in Data Exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws_server.errors import AwsError
from local_aws_server.reset import on_reset
from local_aws_server.services.bcm_data_exports.columns import PROPERTIES, TABLE, default_properties
from local_aws_server.services.bcm_data_exports.query import Query
from local_aws_server.services.bcm_data_exports.query_parser import parse_query
from local_aws_server.snapshots.registry import register_account_data


class ExportError(AwsError):
    """An error of Data Exports, with the further members of its shape."""

    def __init__(self, code: str, message: str, **members: Any):
        super().__init__(code, message, 400, **members)


@dataclass(frozen=True)
class Execution:
    """One delivery of an export."""

    id: str
    timestamp: float
    definition: dict[str, Any]
    """The export's definition at that time."""


@dataclass(frozen=True)
class DeliveredMonth:
    """The last delivery of a month."""

    timestamp: float
    charges: int
    fingerprint: str
    """The same for the same charges."""


@dataclass
class Export:
    """A report that Data Exports keeps writing to a bucket."""

    arn: str
    definition: dict[str, Any]
    """In boto3's shape."""
    created: float
    updated: float
    tags: dict[str, str] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    """In order of time."""
    delivered: dict[int, DeliveredMonth] = field(default_factory=dict)
    """Beginning of a month → its last delivery."""
    paused_until: float = 0.0
    """When files are written again after the user has deleted some."""

    @property
    def name(self) -> str:
        return str(self.definition["Name"])

    @property
    def destination(self) -> dict[str, Any]:
        destination: dict[str, Any] = self.definition["DestinationConfigurations"]["S3Destination"]
        return destination

    @property
    def bucket(self) -> str:
        return str(self.destination["S3Bucket"])

    @property
    def output(self) -> dict[str, str]:
        output: dict[str, str] = self.destination["S3OutputConfigurations"]
        return output

    @property
    def key_prefix(self) -> str:
        """The prefix of the keys of all its objects."""
        prefix = self.destination["S3Prefix"].strip("/")
        return f"{prefix}/{self.name}/" if prefix else f"{self.name}/"

    @property
    def properties(self) -> dict[str, str]:
        """The properties of its table."""
        return table_properties(self.definition["DataQuery"])

    @property
    def query(self) -> Query:
        return parse_query(self.definition["DataQuery"]["QueryStatement"], self.properties)


EXPORTS: dict[str, dict[str, Export]] = {}
"""Account → ARN → export."""

register_account_data("exports", EXPORTS, dict)


@on_reset
def clear_exports() -> None:
    EXPORTS.clear()


def exports_of(account: str) -> list[Export]:
    """The exports of an account, by name."""
    return sorted(EXPORTS.get(account, {}).values(), key=lambda export: export.name)


def find_export(account: str, arn: str) -> Export:
    """An export by ARN. Raises ResourceNotFoundException."""
    export = EXPORTS.get(account, {}).get(arn)
    if export is None:
        raise ExportError(
            "ResourceNotFoundException", f"Export {arn} does not exist.", ResourceId=arn, ResourceType="EXPORT"
        )
    return export


def table_properties(data_query: Mapping[str, Any]) -> dict[str, str]:
    """The properties of the table in a query, with AWS's defaults for those it does not set."""
    configured = data_query.get("TableConfigurations", {}).get(TABLE, {})
    return {**default_properties(), **{name: value for name, value in configured.items() if name in PROPERTIES}}
