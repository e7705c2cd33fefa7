"""Operations of Data Exports: create, update, describe and delete exports, executions, tables and tags.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-create.html
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.account import GLOBAL_REGION
from local_aws_server.billing.calendar import to_datetime
from local_aws_server.billing.pagination import offset_page
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import replace
from local_aws_server.services.bcm_data_exports.columns import PROPERTIES, TABLE, default_properties, table_columns
from local_aws_server.services.bcm_data_exports.delivery import deliver, mark_for_rewrite
from local_aws_server.services.bcm_data_exports.exports import (
    EXPORTS,
    Execution,
    Export,
    ExportError,
    exports_of,
    find_export,
)
from local_aws_server.services.bcm_data_exports.validation import (
    can_write,
    validate_definition,
    validate_new_export,
    validate_properties,
    validation_error,
)

BEHAVIOURS = (
    Behaviour(
        service="Data Exports",
        statement="CUR 2.0 exports have named columns, a quota of five, and a bucket whose policy lets Data Exports "
        "write to it.",
        documentation=("https://docs.aws.amazon.com/cur/latest/userguide/dataexports-create.html",),
    ),
)

_SERVICE = "bcm-data-exports"
_PAGE_SIZE = 300
_DESCRIPTION = "Cost and Usage Report"


@replace(_SERVICE, "CreateExport")
def create_export(call: Call) -> dict[str, Any]:
    definition = call.params["Export"]
    validate_definition(call.account, definition)
    validate_new_export(call.account, definition)
    arn = f"arn:aws:bcm-data-exports:{GLOBAL_REGION}:{call.account}:export/{definition['Name']}-{uuid.uuid4()}"
    tags = {tag["Key"]: tag["Value"] for tag in call.params.get("ResourceTags", ())}
    now = CLOCK.now()
    EXPORTS.setdefault(call.account, {})[arn] = Export(arn, {**definition, "ExportArn": arn}, now, now, tags)
    return {"ExportArn": arn}


@replace(_SERVICE, "UpdateExport")
def update_export(call: Call) -> dict[str, Any]:
    export, definition = find_export(call.account, call.params["ExportArn"]), call.params["Export"]
    validate_definition(call.account, definition)
    if definition["Name"] != export.name:
        raise validation_error("Name", "The name of an export cannot be changed.")
    export.definition, export.updated = {**definition, "ExportArn": export.arn}, CLOCK.now()
    mark_for_rewrite(export)
    return {"ExportArn": export.arn}


@replace(_SERVICE, "DeleteExport")
def delete_export(call: Call) -> dict[str, Any]:
    """Delete an export after a last delivery; its files stay in the bucket."""
    export = find_export(call.account, call.params["ExportArn"])
    deliver(call.account, export)
    del EXPORTS[call.account][export.arn]
    return {"ExportArn": export.arn}


@replace(_SERVICE, "GetExport")
def get_export(call: Call) -> dict[str, Any]:
    export = find_export(call.account, call.params["ExportArn"])
    deliver(call.account, export)
    return {"Export": export.definition, "ExportStatus": _export_status(call.account, export)}


@replace(_SERVICE, "ListExports")
def list_exports(call: Call) -> dict[str, Any]:
    rows = [
        {"ExportArn": export.arn, "ExportName": export.name, "ExportStatus": _export_status(call.account, export)}
        for export in exports_of(call.account)
    ]
    return _page(call, "Exports", rows)


@replace(_SERVICE, "ListExecutions")
def list_executions(call: Call) -> dict[str, Any]:
    export = find_export(call.account, call.params["ExportArn"])
    deliver(call.account, export)
    rows = [
        {"ExecutionId": execution.id, "ExecutionStatus": _execution_status(execution)}
        for execution in reversed(export.executions)
    ]
    return _page(call, "Executions", rows)


@replace(_SERVICE, "GetExecution")
def get_execution(call: Call) -> dict[str, Any]:
    export, execution_id = find_export(call.account, call.params["ExportArn"]), call.params["ExecutionId"]
    for execution in export.executions:
        if execution.id == execution_id:
            status = _execution_status(execution)
            return {"ExecutionId": execution.id, "Export": execution.definition, "ExecutionStatus": status}
    raise ExportError(
        "ResourceNotFoundException",
        f"The export has no execution {execution_id}.",
        ResourceId=execution_id,
        ResourceType="EXECUTION",
    )


@replace(_SERVICE, "ListTables")
def list_tables(call: Call) -> dict[str, Any]:
    properties = [
        {"Name": name, "ValidValues": list(values), "DefaultValue": values[0]} for name, values in PROPERTIES.items()
    ]
    return _page(call, "Tables", [{"TableName": TABLE, "Description": _DESCRIPTION, "TableProperties": properties}])


@replace(_SERVICE, "GetTable")
def get_table(call: Call) -> dict[str, Any]:
    name, properties = call.params["TableName"], call.params.get("TableProperties", {})
    if name != TABLE:
        raise validation_error("TableName", f"The table {name} cannot be exported here. Use {TABLE}.")
    validate_properties(properties)
    properties = {**default_properties(), **properties}
    return {
        "TableName": TABLE,
        "Description": _DESCRIPTION,
        "TableProperties": properties,
        "Schema": [{"Name": column.name, "Type": column.type} for column in table_columns(properties)],
    }


@replace(_SERVICE, "TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    export = find_export(call.account, call.params["ResourceArn"])
    export.tags |= {tag["Key"]: tag["Value"] for tag in call.params["ResourceTags"]}
    return {}


@replace(_SERVICE, "UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    export = find_export(call.account, call.params["ResourceArn"])
    for key in call.params["ResourceTagKeys"]:
        export.tags.pop(key, None)
    return {}


@replace(_SERVICE, "ListTagsForResource")
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    export = find_export(call.account, call.params["ResourceArn"])
    return _page(call, "ResourceTags", [{"Key": key, "Value": value} for key, value in sorted(export.tags.items())])


def _export_status(account: str, export: Export) -> dict[str, Any]:
    """The status: unhealthy if the bucket does not exist or its policy no longer lets AWS write."""
    status: dict[str, Any] = {"StatusCode": "HEALTHY"}
    if not can_write(account, export.bucket):
        status = {"StatusCode": "UNHEALTHY", "StatusReason": "INSUFFICIENT_PERMISSION"}
    if export.executions:
        status["LastRefreshedAt"] = to_datetime(export.executions[-1].timestamp)
    return {**status, "CreatedAt": to_datetime(export.created), "LastUpdatedAt": to_datetime(export.updated)}


def _execution_status(execution: Execution) -> dict[str, Any]:
    time = to_datetime(execution.timestamp)
    return {"StatusCode": "DELIVERY_SUCCESS", "CreatedAt": time, "CompletedAt": time, "LastUpdatedAt": time}


def _page(call: Call, name: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The requested page as member `name`, and `NextToken` if there are more. Raises ValidationException."""
    token, size = call.params.get("NextToken", "0"), call.params.get("MaxResults", _PAGE_SIZE)
    try:
        items, next_token = offset_page(items, token, size)
    except ValueError as error:
        raise validation_error("NextToken", str(error)) from None
    return {name: items, **({"NextToken": next_token} if next_token else {})}
