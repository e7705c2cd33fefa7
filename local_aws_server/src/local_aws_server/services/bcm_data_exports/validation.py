"""Validate the definition of an export as AWS does: its query, its output format, and its bucket with its policy.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-create.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.billing.account import GLOBAL_REGION
from local_aws_server.services.bcm_data_exports.columns import PROPERTIES, TABLE
from local_aws_server.services.bcm_data_exports.exports import ExportError, exports_of, table_properties
from local_aws_server.services.bcm_data_exports.query import InvalidQuery
from local_aws_server.services.bcm_data_exports.query_parser import parse_query

_MAX_EXPORTS = 5
"""Exports of Cost and Usage Reports. https://docs.aws.amazon.com/cur/latest/userguide/dataexports-quotas.html"""

_BILLING_VIEW = "BILLING_VIEW_ARN"
_PRINCIPAL = "bcm-data-exports.amazonaws.com"
_TEST_OBJECT = "aws-programmatic-access-test-object"
"""AWS tries to write it at the top of the bucket, so permission for a prefix is not enough."""
_COMPRESSIONS = {"PARQUET": "PARQUET", "TEXT_OR_CSV": "GZIP"}
"""Format → compression."""


def validate_definition(account: str, definition: Mapping[str, Any]) -> None:
    """Raise the error of AWS for an invalid definition, and NotImplementedError for one that is not simulated."""
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,128}", definition["Name"]):
        raise validation_error("Name", "Name may have letters, digits, '-' and '_'.")
    if definition["RefreshCadence"]["Frequency"] != "SYNCHRONOUS":
        raise validation_error("RefreshCadence.Frequency", "Frequency must be SYNCHRONOUS.")
    _validate_query(definition["DataQuery"])
    destination = definition["DestinationConfigurations"]["S3Destination"]
    _validate_output(destination["S3OutputConfigurations"])
    _validate_bucket(account, destination)


def validate_new_export(account: str, definition: Mapping[str, Any]) -> None:
    """Raise the error of AWS for a second export of the same name, or for more exports than the quota."""
    if any(export.name == definition["Name"] for export in exports_of(account)):
        raise validation_error("Name", f"An export with the name {definition['Name']} already exists.")
    if len(exports_of(account)) >= _MAX_EXPORTS:
        raise ExportError(
            "ServiceQuotaExceededException",
            f"An account can have {_MAX_EXPORTS} exports of {TABLE}.",
            ResourceType="EXPORT",
            QuotaCode="MaxExportsPerTable",
            ServiceCode="AWSBillingAndCostManagementDataExports",
        )


def validate_properties(properties: Mapping[str, str]) -> None:
    """Raise the error of AWS for a property or a value that the table does not have."""
    for name, value in properties.items():
        if name == _BILLING_VIEW:
            if not value.endswith(":billingview/primary"):
                raise NotImplementedError
        elif value not in PROPERTIES.get(name, ()):
            raise validation_error(
                f"TableConfigurations.{TABLE}.{name}", f"{TABLE} has no property {name} with value '{value}'."
            )


def can_write(account: str, bucket_name: str) -> bool:
    """Whether the account has the bucket and its policy lets Data Exports write to it.

    https://docs.aws.amazon.com/cur/latest/userguide/dataexports-s3-bucket.html
    """
    bucket = Backends(account, GLOBAL_REGION).backend("s3").buckets.get(bucket_name)
    if bucket is None or not bucket.policy:
        return False
    statements = json.loads(bucket.policy)["Statement"]
    return any(_allows_writing(statement, account, bucket_name) for statement in _as_list(statements))


def validation_error(field_name: str, message: str) -> ExportError:
    """AWS's response to an invalid member."""
    return ExportError(
        "ValidationException",
        message,
        Reason="fieldValidationFailed",
        Fields=[{"Name": field_name, "Message": message}],
    )


def _validate_query(data_query: Mapping[str, Any]) -> None:
    configurations = data_query.get("TableConfigurations", {})
    validate_properties(configurations.get(TABLE, {}))
    try:
        parse_query(data_query["QueryStatement"], table_properties(data_query))
    except InvalidQuery as error:
        raise validation_error("DataQuery.QueryStatement", str(error)) from error
    if set(configurations) - {TABLE}:
        raise validation_error("DataQuery.TableConfigurations", f"The query uses only {TABLE}.")


def _validate_output(output: Mapping[str, str]) -> None:
    if output["OutputType"] in ("ATHENA", "REDSHIFT") or output["Compression"] == "ZIP":
        raise NotImplementedError
    if output["OutputType"] != "CUSTOM":
        raise validation_error("S3OutputConfigurations.OutputType", "OutputType must be CUSTOM, ATHENA or REDSHIFT.")
    if output["Overwrite"] not in ("CREATE_NEW_REPORT", "OVERWRITE_REPORT"):
        raise validation_error(
            "S3OutputConfigurations.Overwrite", "Overwrite must be CREATE_NEW_REPORT or OVERWRITE_REPORT."
        )
    if _COMPRESSIONS.get(output["Format"]) != output["Compression"]:
        raise validation_error(
            "S3OutputConfigurations.Compression", "Format PARQUET goes with Compression PARQUET, TEXT_OR_CSV with GZIP."
        )


def _validate_bucket(account: str, destination: Mapping[str, Any]) -> None:
    name = destination["S3Bucket"]
    if destination.get("S3BucketOwner", account) != account:
        raise NotImplementedError
    bucket = Backends(account, GLOBAL_REGION).backend("s3").buckets.get(name)
    if bucket is None:
        raise validation_error(
            "S3Destination.S3Bucket", f"The S3 bucket {name} does not exist, or is another account's."
        )
    if bucket.region_name != destination["S3Region"]:
        raise validation_error("S3Destination.S3Region", f"The S3 bucket {name} is in {bucket.region_name}.")
    if not can_write(account, name):
        message = f"The policy of the S3 bucket {name} must allow {_PRINCIPAL} s3:PutObject on arn:aws:s3:::{name}/*."
        raise validation_error("S3Destination.S3Bucket", message)


def _allows_writing(statement: Mapping[str, Any], account: str, bucket: str) -> bool:
    """Whether a statement of a bucket policy lets Data Exports write on behalf of the account."""
    principal = statement.get("Principal", {})
    services = _as_list(principal.get("Service", ())) if isinstance(principal, Mapping) else _as_list(principal)
    if statement.get("Effect") != "Allow" or not {_PRINCIPAL, "*"} & set(services):
        return False
    target = f"arn:aws:s3:::{bucket}/{_TEST_OBJECT}"
    has_action = any(fnmatchcase("s3:PutObject", pattern) for pattern in _as_list(statement.get("Action", ())))
    has_resource = any(fnmatchcase(target, pattern) for pattern in _as_list(statement.get("Resource", ())))
    return has_action and has_resource and _conditions_hold(statement.get("Condition", {}), account)


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], account: str) -> bool:
    """Whether the conditions on the source account and ARN hold; other conditions are ignored."""
    source = {
        "aws:sourceaccount": account,
        "aws:sourcearn": f"arn:aws:bcm-data-exports:{GLOBAL_REGION}:{account}:export/any",
    }
    required = [(key.lower(), _as_list(values)) for by_key in conditions.values() for key, values in by_key.items()]
    return all(
        any(fnmatchcase(source[key], pattern) for pattern in patterns) for key, patterns in required if key in source
    )


def _as_list(value: Any) -> list[Any]:
    """The values of a policy element, which may be a single value or a list."""
    return list(value) if isinstance(value, list | tuple) else [value]
