"""Validate target groups and their targets, by target type and protocol."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before
from local_aws_server.services.elbv2 import lookup

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Target groups are validated by target type and protocol: ports, versions, the interval, timeout, "
        "thresholds and success codes of health checks.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html",
        ),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        statement="Targets are validated: instances in the VPC of the group, private addresses, Lambda functions and "
        "Application Load Balancers that exist.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetDescription.html",
        ),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        fidelity=NOT_SIMULATED,
        statement="Health checks of Lambda functions and of Application Load Balancers as targets: such a target is "
        "always healthy, unless its checks are disabled.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/application-load-balancer-target.html",
        ),
    ),
)

_WEB = ("HTTP", "HTTPS")
_CHECK_PROTOCOLS = ("HTTP", "HTTPS", "TCP")
_GENEVE_PORT = 6081
_CODES = re.compile(r"\d{1,3}(-\d{1,3})?(,\s*\d{1,3}(-\d{1,3})?)*")
_HIGHEST_CODE = {"HTTP": 499, "HTTPS": 499, "GENEVE": 399}
_OTHER_HIGHEST_CODE = 599
_HIGHEST_GRPC_CODE = 99
_GRPC_PATH, _GRPC_CODE = "/AWS.ALB/healthcheck", "12"
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html"""
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html (TargetType)"""


@before("elbv2", "CreateTargetGroup")
def validate_protocol(call: Call) -> None:
    params = call.params
    target_type, protocol = params.get("TargetType", "instance"), params.get("Protocol")
    if target_type == "lambda":
        return  # moto refuses a protocol, a port and a VPC
    if protocol == "GENEVE" and params.get("Port", _GENEVE_PORT) != _GENEVE_PORT:
        raise _invalid(f"The port must be {_GENEVE_PORT} for target groups with protocol 'GENEVE'")
    if target_type == "alb" and protocol not in (None, "TCP"):
        raise _invalid("The protocol must be 'TCP' for target groups with target type 'alb'")
    version = params.get("ProtocolVersion")
    if version is not None and protocol not in _WEB:
        raise _invalid(f"The protocol version cannot be specified for target groups with protocol '{protocol}'")
    if version not in (None, "HTTP1", "HTTP2", "GRPC"):
        raise _invalid(f"Protocol version '{version}' must be one of 'HTTP1', 'HTTP2', 'GRPC'")
    if params.get("IpAddressType") == "ipv6" and target_type != "ip" and protocol in _WEB:
        raise _invalid("The IP address type 'ipv6' requires target type 'ip'")


@before("elbv2", "CreateTargetGroup", "ModifyTargetGroup")
def validate_health_check(call: Call) -> None:
    params, group = call.params, _group(call)
    target_type = group.target_type if group is not None else params.get("TargetType", "instance")
    protocol = str(group.protocol if group is not None else params.get("Protocol"))
    check = params.get("HealthCheckProtocol")
    if target_type != "lambda" and params.get("HealthCheckEnabled") is False:
        raise _invalid(f"Health check enabled must be true for target groups with target type '{target_type}'")
    if check is not None and (check not in _CHECK_PROTOCOLS or (check == "TCP" and protocol in _WEB)):
        raise _invalid(f"Health check protocol '{check}' is not supported for target groups with protocol '{protocol}'")
    port = params.get("HealthCheckPort")
    if port is not None and port != "traffic-port" and not (port.isdecimal() and 1 <= int(port) <= 65535):
        raise _invalid(f"Health check port '{port}' must be 'traffic-port' or a number from 1 to 65535")
    path = params.get("HealthCheckPath")
    if path is not None and not path.startswith("/"):
        raise _invalid(f"Health check path '{path}' must begin with a '/' character")
    _validate_fields_of_web_checks(call, target_type, protocol)
    _validate_codes(params.get("Matcher"), protocol)


def _validate_fields_of_web_checks(call: Call, target_type: str, protocol: str) -> None:
    """Refuse a path and a matcher where TCP connections are the checks."""
    group, checks = _group(call), call.params.get("HealthCheckProtocol")
    default = "HTTP" if protocol in _WEB or target_type in ("alb", "lambda") else "TCP"
    if group is not None:
        default = group.health_check_protocol or default
    if (checks or default) != "TCP":
        return
    for name, text in (("HealthCheckPath", "Health check path"), ("Matcher", "Health check matcher HTTP code")):
        if call.params.get(name):
            raise _invalid(f"{text} cannot be specified for health checks with protocol 'TCP'")


def _validate_codes(matcher: dict[str, str] | None, protocol: str) -> None:
    if not matcher:
        return
    if "GrpcCode" in matcher:
        name, text, lowest, highest = "GRPC", matcher["GrpcCode"], 0, _HIGHEST_GRPC_CODE
    else:
        name, text, lowest = "HTTP", matcher.get("HttpCode", ""), 200
        highest = _HIGHEST_CODE.get(protocol, _OTHER_HIGHEST_CODE)
    codes = [int(code) for code in re.findall(r"\d+", text)] if _CODES.fullmatch(text) else []
    if not codes or not all(lowest <= code <= highest for code in codes):
        raise _invalid(f"Health check matcher {name} code '{text}' must be within '{lowest}-{highest}' inclusive")


@before("elbv2", "ModifyTargetGroup")
def require_timeout_below_interval(call: Call) -> None:
    group = _group(call)
    if group is None or group.protocol not in _WEB:
        return
    timeout = call.params.get("HealthCheckTimeoutSeconds", int(group.health_check_timeout_seconds))
    interval = call.params.get("HealthCheckIntervalSeconds", int(group.health_check_interval_seconds))
    if timeout >= interval:
        raise _invalid(f"Health check timeout '{timeout}' must be smaller than the interval '{interval}'")


@after("elbv2", "CreateTargetGroup")
def check_grpc_by_default(call: Call) -> None:
    """Check targets with gRPC by a method that none of them has: its code 12 says that they answer."""
    group = call.backends.target_group(call.params["Name"])
    if group is None or group.protocol_version != "GRPC" or sidecar(group).get("is_checked_with_grpc"):
        return
    sidecar(group)["is_checked_with_grpc"] = True
    described = call.result["TargetGroups"][0]
    if "HealthCheckPath" not in call.params:
        group.health_check_path = described["HealthCheckPath"] = _GRPC_PATH
    if "Matcher" not in call.params:
        group.matcher = described["Matcher"] = {"GrpcCode": _GRPC_CODE}


@after("elbv2", "ModifyTargetGroup")
def keep_grpc_codes(call: Call) -> None:
    """Set the codes of gRPC, which moto drops."""
    group = _group(call)
    if group is not None and "GrpcCode" in (call.params.get("Matcher") or {}):
        group.matcher = call.result["TargetGroups"][0]["Matcher"] = dict(call.params["Matcher"])


# --- targets


@before("elbv2", "RegisterTargets")
def validate_targets(call: Call) -> None:
    """Require targets that exist and that the target type of the group allows."""
    group = _group(call)
    if group is None:
        return
    targets = call.params["Targets"]
    if not targets:
        raise _invalid("Targets must be specified")
    {"instance": _validate_instances, "ip": _validate_addresses, "lambda": _validate_functions}.get(
        group.target_type or "instance", _validate_load_balancers
    )(call, group, targets)


def _validate_instances(call: Call, group: Any, targets: list[dict[str, Any]]) -> None:
    ids = [target["Id"] for target in targets]
    for id in ids:
        if not re.fullmatch(r"i-[0-9a-f]+", id):
            raise _invalid(f"Instance ID '{id}' is not valid")
    if any("AvailabilityZone" in target for target in targets):
        raise _invalid("You cannot specify an Availability Zone for an instance")
    vpcs = {instance.id: instance.vpc_id for instance in call.backends.instances}
    if unknown := [id for id in ids if id not in vpcs]:
        raise AwsError("InvalidTarget", f"The following instances do not exist: {_quoted(unknown)}")
    if elsewhere := [id for id in ids if vpcs[id] != group.vpc_id]:
        message = f"The following targets are not in the target group VPC '{group.vpc_id}': {_quoted(elsewhere)}"
        raise AwsError("InvalidTarget", message)


def _validate_addresses(call: Call, group: Any, targets: list[dict[str, Any]]) -> None:
    vpc = call.backends.backend("ec2").get_vpc(group.vpc_id)
    networks = [ipaddress.ip_network(block["cidr_block"]) for block in vpc.get_cidr_block_association_set()]
    ipv6 = [ipaddress.ip_network(block["cidr_block"]) for block in vpc.get_cidr_block_association_set(ipv6=True)]
    for target in targets:
        try:
            address = ipaddress.ip_address(target["Id"])
        except ValueError:
            raise _invalid(f"The IP address '{target['Id']}' is not valid") from None
        if f"ipv{address.version}" != (group.ip_address_type or "ipv4"):
            raise _invalid(f"The IP address '{address}' is not a valid {group.ip_address_type} address")
        if any(address in network for network in (*networks, *ipv6)):
            continue
        if not any(address in network for network in _PRIVATE):
            message = f"The IP address '{address}' is not within the VPC of the target group or a private range"
            raise AwsError("InvalidTarget", message)
        if target.get("AvailabilityZone") is None:
            message = f"You must specify an Availability Zone for '{address}', which is outside of the VPC"
            raise _invalid(message)


def _validate_functions(call: Call, group: Any, targets: list[dict[str, Any]]) -> None:
    functions = call.backends.backend("lambda")
    for target in targets:
        if not re.fullmatch(r"arn:aws[a-z-]*:lambda:[^:]+:\d{12}:function:[A-Za-z0-9_:$.-]+", target["Id"]):
            raise _invalid(f"'{target['Id']}' is not a valid Lambda function ARN")
        name = target["Id"].split(":function:")[1].split(":")[0]
        if all(function.function_name != name for function in functions.list_functions()):
            raise AwsError("InvalidTarget", f"The following targets do not exist: '{target['Id']}'")


def _validate_load_balancers(call: Call, group: Any, targets: list[dict[str, Any]]) -> None:
    for target in targets:
        balancer = lookup.find_load_balancer(call.backends, target["Id"])
        if balancer is None or balancer.type != "application" or balancer.vpc_id != group.vpc_id:
            message = f"The following targets are not Application Load Balancers in the VPC: '{target['Id']}'"
            raise AwsError("InvalidTarget", message)
        if all(int(listener.port or 0) != int(group.port) for listener in balancer.listeners.values()):
            message = f"The Application Load Balancer '{target['Id']}' has no listener on port '{group.port}'"
            raise AwsError("InvalidTarget", message)


# --- helpers


def _group(call: Call) -> Any | None:
    return lookup.find_target_group(call.backends, call.params.get("TargetGroupArn"))


def _quoted(targets: list[str]) -> str:
    return ", ".join(f"'{target}'" for target in targets)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
