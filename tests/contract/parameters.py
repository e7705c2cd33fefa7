"""The parameters of recorded calls by their paths, and AWS's model of each call, from botocore."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.session import Session

from esaws import call_log
from esaws.documented import EVERYTHING_ELSE, Call

REFERENCES = {
    "AWSEC2/latest/APIReference": "ec2",
    "AmazonCloudWatch/latest/APIReference": "cloudwatch",
    "AmazonCloudWatchLogs/latest/APIReference": "logs",
    "AmazonECR/latest/APIReference": "ecr",
    "AmazonECS/latest/APIReference": "ecs",
    "AmazonElastiCache/latest/APIReference": "elasticache",
    "AmazonRDS/latest/APIReference": "rds",
    "AmazonS3/latest/API": "s3",
    "IAM/latest/APIReference": "iam",
    "amazon-mq/latest/api-reference": "mq",
    "autoscaling/application/APIReference": "application-autoscaling",
    "autoscaling/ec2/APIReference": "autoscaling",
    "aws-cost-management/latest/APIReference": "budgets",
    "cognito-user-identity-pools/latest/APIReference": "cognito-idp",
    "elasticloadbalancing/latest/APIReference": "elbv2",
    "systems-manager/latest/APIReference": "ssm",
}
"""AWS's references of calls, and the names of their services in botocore."""

NOT_OF_THE_EXAMPLE = {
    "AutoScalingGroup": {"TerminateInstances"},
    "Bucket": {"AbortMultipartUpload", "DeleteObjects"},
    "DBInstance": {"StartDBInstance"},
    "PasswordParameter": {"PutParameter Overwrite"},
    "Role": {"DeleteRolePolicy", "RemoveRoleFromInstanceProfile"},
    "Route": {
        "CreateRoute DestinationIpv6CidrBlock",
        "ReplaceRoute DestinationIpv6CidrBlock",
        "DeleteRoute DestinationIpv6CidrBlock",
        "DeleteRoute DestinationPrefixListId",
    },
    "SecurityGroup": {"RevokeSecurityGroupEgress"},
    "SecurityGroupRule": {
        "AuthorizeSecurityGroupEgress",
        "AuthorizeSecurityGroupIngress IpPermissions[].IpRanges[].Description",
        "AuthorizeSecurityGroupIngress IpPermissions[].UserIdGroupPairs[].Description",
        "AuthorizeSecurityGroupIngress IpPermissions[].UserIdGroupPairs[].GroupId",
        "ModifySecurityGroupRules SecurityGroupRules[].SecurityGroupRule.ReferencedGroupId",
        "RevokeSecurityGroupEgress",
    },
    "Service": {
        "CreateService launchType",
        *(
            f"{call} networkConfiguration.awsvpcConfiguration.{path}"
            for call in ("CreateService", "UpdateService")
            for path in ("subnets[]", "securityGroups[]", "assignPublicIp")
        ),
        "CreateService propagateTags",
        "UpdateService propagateTags",
    },
    "TaskDefinition": {
        "RegisterTaskDefinition containerDefinitions[].command[]",
        "RegisterTaskDefinition containerDefinitions[].environment[].name",
        "RegisterTaskDefinition containerDefinitions[].environment[].value",
        "RegisterTaskDefinition cpu",
        "RegisterTaskDefinition memory",
        "RegisterTaskDefinition taskRoleArn",
    },
    "UserPool": {"DeleteUserPoolDomain", "SetUserPoolMfaConfig SoftwareTokenMfaConfiguration.Enabled"},
}
"""Kind → the documented calls, and the parameters of calls, that its example and changes by hand do not lead to."""

_SITE = "https://docs.aws.amazon.com/"


@cache
def _service(name: str) -> ServiceModel:
    return Session().get_service_model(name)


def service_of(call: Call) -> str:
    """Return the name in botocore of the service whose reference has the page of a call."""
    return REFERENCES[call.page.removeprefix(_SITE).rpartition("/")[0]]


def model_of(call: Call) -> OperationModel:
    """Return the model of the operation that the page of a call documents."""
    return _service(service_of(call)).operation_model(call.operation)


def shape_at(model: OperationModel, path: str) -> Shape:
    """Return the shape of the parameter with a path. Raises KeyError if the call has no such parameter."""
    shape: Any = model.input_shape
    for part in re.findall(r"\[\]|\{\}|[^.\[\]{}]+", path):
        if part == "[]":
            shape = shape.member if isinstance(shape, ListShape) else _missing(path)
        elif isinstance(shape, MapShape):
            shape = shape.value
        else:
            shape = shape.members[part] if isinstance(shape, StructureShape) else _missing(path)
    return shape


def _missing(path: str) -> Any:
    raise KeyError(path)


def paths(value: Any, shape: Shape | None, path: str = "") -> Iterator[str]:
    """Yield the path of each value that a call sends; a tag in a map is named `{}`.

    Tokens that botocore adds to a call are left out.
    """
    if isinstance(value, dict) and isinstance(shape, MapShape):
        for key, item in value.items():
            is_tag = key == "Name" or key.startswith("esaws:")
            yield from paths(item, shape.value, f"{path}{{}}" if is_tag else f"{path}.{key}")
    elif isinstance(value, dict) and isinstance(shape, StructureShape):
        for key, item in value.items():
            member = shape.members[key]
            if not member.metadata.get("idempotencyToken"):
                yield from paths(item, member, f"{path}.{key}" if path else key)
    elif isinstance(value, list | tuple) and isinstance(shape, ListShape):
        for item in value:
            yield from paths(item, shape.member, f"{path}[]")
    else:
        yield path


def sent(calls: Iterable[call_log.Call]) -> set[tuple[str, str, str]]:
    """Return (service, operation, path) of each parameter of the calls that change something."""
    return {
        (call.service, call.operation, path)
        for call in calls
        if call.changes
        for path in paths(call.parameters, _service(call.service).operation_model(call.operation).input_shape)
    }


def unsent(parameters: Iterable[tuple[str, str, str]], calls: Iterable[Call]) -> set[str]:
    """Return the documented calls of which nothing was sent, and the parameters that were not sent with the others."""
    made = {(service, operation) for service, operation, _ in parameters}
    missing = set()
    for call in calls:
        key = service_of(call), call.operation
        paths = {path for path in call.parameters if path != EVERYTHING_ELSE and (*key, path) not in {*parameters}}
        missing |= {f"{call.operation} {path}" for path in paths} if key in made else {call.operation}
    return missing


def undocumented(parameters: Iterable[tuple[str, str, str]], calls: Iterable[Call]) -> set[tuple[str, str, str]]:
    """Return the parameters that none of the documented calls has."""
    known: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        known.setdefault((service_of(call), call.operation), []).append(call)
    return {
        (service, operation, path)
        for service, operation, path in parameters
        if not any(call.covering(path) for call in known.get((service, operation), ()))
    }
