"""CUR 2.0 exports are defined as on AWS: columns by name, five exports at most, a bucket whose policy allows it.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-create.html
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import replace
from local_aws_server.services.bcm_data_exports.cur import PROPERTIES, TABLE, default_properties, schema
from local_aws_server.services.bcm_data_exports.definitions import (
    EXPORTS,
    HOME,
    Execution,
    Export,
    ExportError,
    validate_definition,
    validate_new_export,
    validate_properties,
    list_exports,
    get_export,
    invalid,
    can_write,
)
from local_aws_server.services.bcm_data_exports.delivery import mark_for_rewrite, deliver

BEHAVIOURS = (
    Behaviour(
        service="Data Exports",
        statement="CUR 2.0 exports are defined as on AWS: columns by name, five exports at most, a bucket whose "
        "policy allows it.",
        documentation=("https://docs.aws.amazon.com/cur/latest/userguide/dataexports-create.html",),
    ),
)

_SERVICE = "bcm-data-exports"
_PAGE = 300
_DESCRIPTION = "Cost and Usage Report"


@replace(_SERVICE, "CreateExport")
def create_export(call: Call) -> dict[str, Any]:
    definition = call.params["Export"]
    validate_definition(call.account, definition)
    validate_new_export(call.account, definition)
    arn = f"arn:aws:bcm-data-exports:{HOME}:{call.account}:export/{definition['Name']}-{uuid.uuid4()}"
    tags = {each["Key"]: each["Value"] for each in call.params.get("ResourceTags", ())}
    now = CLOCK.now()
    EXPORTS.setdefault(call.account, {})[arn] = Export(arn, {**definition, "ExportArn": arn}, now, now, tags)
    return {"ExportArn": arn}


@replace(_SERVICE, "UpdateExport")
def update_export(call: Call) -> dict[str, Any]:
    export, definition = get_export(call.account, call.params["ExportArn"]), call.params["Export"]
    validate_definition(call.account, definition)
    if definition["Name"] != export.name:
        raise invalid("Name", "The name of an export cannot be changed.")
    export.definition, export.updated = {**definition, "ExportArn": export.arn}, CLOCK.now()
    mark_for_rewrite(export)
    return {"ExportArn": export.arn}


@replace(_SERVICE, "DeleteExport")
def delete_export(call: Call) -> dict[str, Any]:
    export = get_export(call.account, call.params["ExportArn"])
    deliver(call.account, export)
    del EXPORTS[call.account][export.arn]
    return {"ExportArn": export.arn}


@replace(_SERVICE, "GetExport")
def get_export(call: Call) -> dict[str, Any]:
    export = get_export(call.account, call.params["ExportArn"])
    deliver(call.account, export)
    return {"Export": export.definition, "ExportStatus": _status(call.account, export)}


@replace(_SERVICE, "ListExports")
def list_exports(call: Call) -> dict[str, Any]:
    listed = [
        {"ExportArn": each.arn, "ExportName": each.name, "ExportStatus": _status(call.account, each)}
        for each in list_exports(call.account)
    ]
    return _page(call, "Exports", listed)


@replace(_SERVICE, "ListExecutions")
def list_executions(call: Call) -> dict[str, Any]:
    export = get_export(call.account, call.params["ExportArn"])
    deliver(call.account, export)
    listed = [{"ExecutionId": each.id, "ExecutionStatus": _success(each)} for each in reversed(export.executions)]
    return _page(call, "Executions", listed)


@replace(_SERVICE, "GetExecution")
def get_execution(call: Call) -> dict[str, Any]:
    export, wanted = get_export(call.account, call.params["ExportArn"]), call.params["ExecutionId"]
    for each in export.executions:
        if each.id == wanted:
            return {"ExecutionId": each.id, "Export": each.definition, "ExecutionStatus": _success(each)}
    raise ExportError(
        "ResourceNotFoundException",
        f"The export has no execution {wanted}.",
        ResourceId=wanted,
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
    name, given = call.params["TableName"], call.params.get("TableProperties", {})
    if name != TABLE:
        raise invalid("TableName", f"The table {name} is not one that can be exported here; {TABLE} is.")
    validate_properties(given)
    properties = {**default_properties(), **given}
    return {
        "TableName": TABLE,
        "Description": _DESCRIPTION,
        "TableProperties": properties,
        "Schema": [{"Name": column.name, "Type": column.type} for column in schema(properties)],
    }


@replace(_SERVICE, "TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    export = get_export(call.account, call.params["ResourceArn"])
    export.tags |= {each["Key"]: each["Value"] for each in call.params["ResourceTags"]}
    return {}


@replace(_SERVICE, "UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    export = get_export(call.account, call.params["ResourceArn"])
    for key in call.params["ResourceTagKeys"]:
        export.tags.pop(key, None)
    return {}


@replace(_SERVICE, "ListTagsForResource")
def list_tags(call: Call) -> dict[str, Any]:
    export = get_export(call.account, call.params["ResourceArn"])
    return _page(call, "ResourceTags", [{"Key": key, "Value": value} for key, value in sorted(export.tags.items())])


def _status(account: str, export: Export) -> dict[str, Any]:
    """Unhealthy where the bucket is gone, or lets AWS no longer write."""
    status: dict[str, Any] = {"StatusCode": "HEALTHY"}
    if not can_write(account, export.bucket):
        status = {"StatusCode": "UNHEALTHY", "StatusReason": "INSUFFICIENT_PERMISSION"}
    if export.executions:
        status["LastRefreshedAt"] = _time(export.executions[-1].moment)
    return {**status, "CreatedAt": _time(export.created), "LastUpdatedAt": _time(export.updated)}


def _success(execution: Execution) -> dict[str, Any]:
    moment = _time(execution.moment)
    return {
        "StatusCode": "DELIVERY_SUCCESS",
        "CreatedAt": moment,
        "CompletedAt": moment,
        "LastUpdatedAt": moment,
    }


def _page(call: Call, name: str, listed: Sequence[dict[str, Any]]) -> dict[str, Any]:
    begin, size = call.params.get("NextToken", "0"), call.params.get("MaxResults", _PAGE)
    if not begin.isdigit():
        raise invalid("NextToken", f"The token '{begin}' is not valid.")
    end = int(begin) + size
    more = {"NextToken": str(end)} if end < len(listed) else {}
    return {name: list(listed[int(begin) : end]), **more}


def _time(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
