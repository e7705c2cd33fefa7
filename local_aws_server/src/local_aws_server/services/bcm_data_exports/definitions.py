"""The exports that an account has defined in Data Exports, and what AWS demands of a definition.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-create.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.hooks import AwsError, on_reset
from local_aws_server.services.bcm_data_exports.cur import PROPERTIES, TABLE, default_properties
from local_aws_server.services.bcm_data_exports.query import InvalidQuery, Query, parse_query
from local_aws_server.snapshots.registry import saved

HOME = "us-east-1"
"""Data Exports is there alone, whatever it exports."""
MAX_EXPORTS = 5
"""Exports of Cost and Usage Reports. https://docs.aws.amazon.com/cur/latest/userguide/dataexports-quotas.html"""

_BILLING_VIEW = "BILLING_VIEW_ARN"
_SERVICE = "bcm-data-exports.amazonaws.com"
_TEST_OBJECT = "aws-programmatic-access-test-object"
"""AWS tries to write it to the bucket itself: leave for a prefix alone is not enough."""
_WANTED = {"PARQUET": "PARQUET", "TEXT_OR_CSV": "GZIP"}
"""Format → compression."""
_VALID = "fieldValidationFailed"


class ExportError(AwsError):
    """An error of Data Exports, with what its shape has beside the message."""

    def __init__(self, code: str, message: str, **members: Any):
        super().__init__(code, message, 400, **members)


@dataclass(frozen=True)
class Execution:
    """A time at which an export was delivered."""

    id: str
    moment: float
    definition: dict[str, Any]
    """What the export was then."""


@dataclass(frozen=True)
class DeliveredMonth:
    """What was last delivered of a month."""

    moment: float
    charges: int
    content: str
    """Two months with the same charges have the same."""


@dataclass
class Export:
    """A report that AWS keeps writing to a bucket."""

    arn: str
    definition: dict[str, Any]
    """As boto3 gives it."""
    created: float
    updated: float
    tags: dict[str, str] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    """The latest last."""
    delivered: dict[int, DeliveredMonth] = field(default_factory=dict)
    """Beginning of a month → what is in its files."""
    paused_until: float = 0.0
    """When AWS writes again after somebody has removed its files."""

    @property
    def name(self) -> str:
        return str(self.definition["Name"])

    @property
    def destination(self) -> dict[str, Any]:
        found: dict[str, Any] = self.definition["DestinationConfigurations"]["S3Destination"]
        return found

    @property
    def bucket(self) -> str:
        return str(self.destination["S3Bucket"])

    @property
    def output(self) -> dict[str, str]:
        found: dict[str, str] = self.destination["S3OutputConfigurations"]
        return found

    @property
    def root(self) -> str:
        """What the keys of all its objects begin with."""
        prefix = self.destination["S3Prefix"].strip("/")
        return f"{prefix}/{self.name}/" if prefix else f"{self.name}/"

    @property
    def properties(self) -> dict[str, str]:
        """How its table is configured."""
        return properties_of(self.definition["DataQuery"])

    @property
    def query(self) -> Query:
        return parse_query(self.definition["DataQuery"]["QueryStatement"], self.properties)


EXPORTS: dict[str, dict[str, Export]] = {}
"""Account → ARN → export."""

saved("exports", EXPORTS, dict)


@on_reset
def forget_exports() -> None:
    EXPORTS.clear()


def list_exports(account: str) -> list[Export]:
    """The exports of an account, by their names."""
    return sorted(EXPORTS.get(account, {}).values(), key=lambda export: export.name)


def export_buckets(account: str) -> frozenset[str]:
    """The buckets to which an account's reports are written."""
    return frozenset(export.bucket for export in list_exports(account))


def get_export(account: str, arn: str) -> Export:
    """An export by its ARN."""
    export = EXPORTS.get(account, {}).get(arn)
    if export is None:
        raise ExportError(
            "ResourceNotFoundException", f"Export {arn} does not exist.", ResourceId=arn, ResourceType="EXPORT"
        )
    return export


def validate_definition(account: str, definition: Mapping[str, Any]) -> None:
    """Refuse a definition that AWS would refuse; NotImplementedError for what is not simulated."""
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,128}", definition["Name"]):
        raise invalid("Name", "Name may have letters, digits, '-' and '_'.")
    if definition["RefreshCadence"]["Frequency"] != "SYNCHRONOUS":
        raise invalid("RefreshCadence.Frequency", "Frequency must be SYNCHRONOUS.")
    _check_query(definition["DataQuery"])
    destination = definition["DestinationConfigurations"]["S3Destination"]
    _check_output(destination["S3OutputConfigurations"])
    _check_bucket(account, destination)


def validate_new_export(account: str, definition: Mapping[str, Any]) -> None:
    """Refuse one more export than AWS allows, or a second of the same name."""
    if any(export.name == definition["Name"] for export in list_exports(account)):
        raise invalid("Name", f"An export with the name {definition['Name']} already exists.")
    if len(list_exports(account)) >= MAX_EXPORTS:
        raise ExportError(
            "ServiceQuotaExceededException",
            f"An account can have {MAX_EXPORTS} exports of {TABLE}.",
            ResourceType="EXPORT",
            QuotaCode="MaxExportsPerTable",
            ServiceCode="AWSBillingAndCostManagementDataExports",
        )


def can_write(account: str, bucket_name: str) -> bool:
    """Whether a bucket of the account is there, and lets Data Exports write to it.

    https://docs.aws.amazon.com/cur/latest/userguide/dataexports-s3-bucket.html
    """
    bucket = Backends(account, HOME).backend("s3").buckets.get(bucket_name)
    if bucket is None or not bucket.policy:
        return False
    statements = json.loads(bucket.policy)["Statement"]
    return any(_allows(each, account, bucket_name) for each in _listed(statements))


def properties_of(data_query: Mapping[str, Any]) -> dict[str, str]:
    """How the table of a query is configured, with AWS's defaults where nothing is said."""
    given = data_query.get("TableConfigurations", {}).get(TABLE, {})
    return {**default_properties(), **{name: value for name, value in given.items() if name in PROPERTIES}}


def invalid(field_name: str, message: str) -> ExportError:
    """AWS's answer to a member that can't be."""
    return ExportError("ValidationException", message, Reason=_VALID, Fields=[{"Name": field_name, "Message": message}])


def validate_properties(given: Mapping[str, str]) -> None:
    """Refuse what can't be configured about the table."""
    for name, value in given.items():
        if name == _BILLING_VIEW:
            if not value.endswith(":billingview/primary"):
                raise NotImplementedError
        elif value not in PROPERTIES.get(name, ()):
            raise invalid(
                f"TableConfigurations.{TABLE}.{name}", f"{TABLE} has no property {name} with value '{value}'."
            )


def _check_query(data_query: Mapping[str, Any]) -> None:
    configurations = data_query.get("TableConfigurations", {})
    validate_properties(configurations.get(TABLE, {}))
    try:
        parse_query(data_query["QueryStatement"], properties_of(data_query))
    except InvalidQuery as problem:
        raise invalid("DataQuery.QueryStatement", str(problem)) from problem
    if set(configurations) - {TABLE}:
        raise invalid("DataQuery.TableConfigurations", f"The query asks {TABLE} alone.")


def _check_output(output: Mapping[str, str]) -> None:
    if output["OutputType"] in ("ATHENA", "REDSHIFT") or output["Compression"] == "ZIP":
        raise NotImplementedError
    if output["OutputType"] != "CUSTOM":
        raise invalid("S3OutputConfigurations.OutputType", "OutputType must be CUSTOM, ATHENA or REDSHIFT.")
    if output["Overwrite"] not in ("CREATE_NEW_REPORT", "OVERWRITE_REPORT"):
        raise invalid("S3OutputConfigurations.Overwrite", "Overwrite must be CREATE_NEW_REPORT or OVERWRITE_REPORT.")
    if _WANTED.get(output["Format"]) != output["Compression"]:
        raise invalid(
            "S3OutputConfigurations.Compression", "Format PARQUET goes with Compression PARQUET, TEXT_OR_CSV with GZIP."
        )


def _check_bucket(account: str, destination: Mapping[str, Any]) -> None:
    name = destination["S3Bucket"]
    if destination.get("S3BucketOwner", account) != account:
        raise NotImplementedError
    bucket = Backends(account, HOME).backend("s3").buckets.get(name)
    if bucket is None:
        raise invalid("S3Destination.S3Bucket", f"The S3 bucket {name} does not exist, or is another account's.")
    if bucket.region_name != destination["S3Region"]:
        raise invalid("S3Destination.S3Region", f"The S3 bucket {name} is in {bucket.region_name}.")
    if not can_write(account, name):
        message = f"The policy of the S3 bucket {name} must allow {_SERVICE} s3:PutObject on arn:aws:s3:::{name}/*."
        raise invalid("S3Destination.S3Bucket", message)


def _allows(statement: Mapping[str, Any], account: str, bucket: str) -> bool:
    """Whether a statement of the bucket's policy lets Data Exports write, in the name of the account."""
    principal = statement.get("Principal", {})
    services = _listed(principal.get("Service", ())) if isinstance(principal, Mapping) else _listed(principal)
    if statement.get("Effect") != "Allow" or not {_SERVICE, "*"} & set(services):
        return False
    target = f"arn:aws:s3:::{bucket}/{_TEST_OBJECT}"
    writes = any(fnmatchcase("s3:PutObject", pattern) for pattern in _listed(statement.get("Action", ())))
    reaches = any(fnmatchcase(target, pattern) for pattern in _listed(statement.get("Resource", ())))
    return writes and reaches and _holds(statement.get("Condition", {}), account)


def _holds(conditions: Mapping[str, Mapping[str, Any]], account: str) -> bool:
    """Whether the conditions on who writes hold; others are not looked at."""
    source = {
        "aws:sourceaccount": account,
        "aws:sourcearn": f"arn:aws:bcm-data-exports:{HOME}:{account}:export/any",
    }
    asked = [(key.lower(), _listed(values)) for of in conditions.values() for key, values in of.items()]
    return all(any(fnmatchcase(source[key], each) for each in values) for key, values in asked if key in source)


def _listed(value: Any) -> list[Any]:
    """What JSON policies write alone or as a list."""
    return list(value) if isinstance(value, list | tuple) else [value]
