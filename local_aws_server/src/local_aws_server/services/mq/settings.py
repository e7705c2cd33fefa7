"""Settings of brokers that Amazon MQ refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.mq.offerings import RABBITMQ_VERSIONS

BEHAVIOURS = (
    Behaviour(
        service="Amazon MQ",
        statement="The settings of a broker are checked: version, instance type, deployment mode, storage, users, "
        "subnets and security groups.",
        documentation=(
            "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers.html",
            "https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/version-management.html",
        ),
    ),
)

_MODES = {
    "RABBITMQ": ("SINGLE_INSTANCE", "CLUSTER_MULTI_AZ"),
    "ACTIVEMQ": ("SINGLE_INSTANCE", "ACTIVE_STANDBY_MULTI_AZ"),
}
_INSTANCE_TYPES = {
    "RABBITMQ": tuple(RABBITMQ_VERSIONS),
    "ACTIVEMQ": (
        "mq.t2.micro",
        "mq.t3.micro",
        "mq.m4.large",
        *(f"mq.m5.{size}" for size in ("large", "xlarge", "2xlarge", "4xlarge")),
    ),
}
_VERSIONS = {
    "RABBITMQ": re.compile(r"(3\.(8|9|1[0-3])|4\.[0-2])(\.\d+)?"),
    "ACTIVEMQ": re.compile(r"5\.1[5-9](\.\d+)?"),
}
_SUBNETS = {"SINGLE_INSTANCE": 1, "ACTIVE_STANDBY_MULTI_AZ": 2}
"""Mode → the number of subnets that it takes."""
_USERNAME = re.compile(r"[A-Za-z0-9._~-]{2,100}")
_PASSWORD = re.compile(r"[^,:=]{12,250}")
_UNIQUE_CHARACTERS = 4


@before("mq", "CreateBroker")
def check_broker(call: Call) -> None:
    if call.has_result:
        return
    params = call.params
    engine, mode, size = params["EngineType"].upper(), params["DeploymentMode"], params["HostInstanceType"]
    if mode not in _MODES[engine]:
        raise _bad(f"Broker engine type [{engine}] does not support deployment mode [{mode}].")
    if size not in _INSTANCE_TYPES[engine]:
        raise _bad(f"Broker host instance type [{size}] is invalid. Valid values: {list(_INSTANCE_TYPES[engine])}.")
    if engine == "RABBITMQ" and "micro" in size and mode != "SINGLE_INSTANCE":
        raise _bad(f"Host instance type [{size}] is not supported for deployment mode [{mode}].")
    _check_version(engine, params)
    if engine == "RABBITMQ" and params.get("StorageType", "EBS").upper() != "EBS":
        raise _bad(f"Broker engine type [{engine}] does not support storage type [{params['StorageType']}].")
    _check_users(engine, params.get("Users", []))
    subnets = params.get("SubnetIds", [])
    if subnets and len(subnets) != _SUBNETS.get(mode, len(subnets)):
        raise _bad(f"Deployment mode [{mode}] requires exactly {_SUBNETS[mode]} subnet(s).")
    known = {subnet.id for subnet in call.backends.backend("ec2").describe_subnets()}
    if missing := [each for each in subnets if each not in known]:
        raise _bad(f"Subnet(s) [{', '.join(missing)}] not found.")
    _check_security_groups(call)


@before("mq", "UpdateBroker")
def check_changes(call: Call) -> None:
    broker = call.backends.backend("mq").brokers.get(call.params["BrokerId"])
    if broker is None:
        return
    engine, size = broker.engine_type.upper(), call.params.get("HostInstanceType")
    if size is not None and size not in _INSTANCE_TYPES[engine]:
        raise _bad(f"Broker host instance type [{size}] is invalid. Valid values: {list(_INSTANCE_TYPES[engine])}.")
    _check_version(engine, call.params)
    _check_security_groups(call)


@before("mq", "CreateUser", "UpdateUser")
def check_user(call: Call) -> None:
    _check_user(call.params["Username"], call.params.get("Password"))


def _check_version(engine: str, params: Mapping[str, Any]) -> None:
    version = params.get("EngineVersion")
    if version is not None and not _VERSIONS[engine].fullmatch(version):
        raise _bad(f"Broker engine type [{engine}] does not support broker engine version [{version}].")


def _check_users(engine: str, users: list[Mapping[str, Any]]) -> None:
    if engine == "RABBITMQ" and len(users) != 1:
        raise _bad("A RabbitMQ broker is created with exactly one user.")
    for user in users:
        _check_user(user.get("Username", ""), user.get("Password", ""))


def _check_user(name: str, password: str | None) -> None:
    if not _USERNAME.fullmatch(name):
        raise _bad(
            f"Username [{name}] is invalid: it can contain 2-100 letters, numbers, dashes, periods, underscores, and "
            "tildes."
        )
    if password is not None and (not _PASSWORD.fullmatch(password) or len(set(password)) < _UNIQUE_CHARACTERS):
        raise _bad(
            "Password is invalid: it must be 12-250 characters long, must contain at least 4 unique characters, and "
            "must not contain commas, colons, or equal signs."
        )


def _check_security_groups(call: Call) -> None:
    ec2 = call.backends.backend("ec2")
    groups = call.params.get("SecurityGroups", [])
    if missing := [each for each in groups if ec2.get_security_group_from_id(each) is None]:
        raise _bad(f"Security group(s) [{', '.join(missing)}] not found.")


def _bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message, 400)
