"""The attributes of load balancers, listeners and target groups: which exist, their values and their defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch
from local_aws_server.services.elbv2 import lookup
from local_aws_server.services.elbv2.attribute_tables import (
    ALL_TARGET_GROUP_ATTRIBUTES,
    LOAD_BALANCER_ATTRIBUTES,
    Attribute,
    listener_attributes,
    target_group_attributes,
)

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Load balancers, listeners and target groups have the attributes of their type, with AWS's defaults; "
        "other attributes and values are refused.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html",
        ),
    ),
)

_STICKINESS = ("app_cookie", "lb_cookie", "source_ip")
_GATEWAY_STICKINESS = ("source_ip_dest_ip_proto", "source_ip_dest_ip")


# --- load balancers


@before("elbv2", "ModifyLoadBalancerAttributes")
def validate_load_balancer_attributes(call: Call) -> None:
    balancer = lookup.find_load_balancer(call.backends, call.params["LoadBalancerArn"])
    if balancer is None:
        return
    values = _requested(call)
    known = [attribute for group in LOAD_BALANCER_ATTRIBUTES.values() for attribute in group]
    what = f"load balancers with type '{balancer.type}'"
    _check(values, LOAD_BALANCER_ATTRIBUTES[balancer.type], known, "Load balancer", what)
    if balancer.type == "application" and values.get("load_balancing.cross_zone.enabled") == "false":
        raise _unsupported("Load balancer", "load_balancing.cross_zone.enabled", what)
    for kind in ("access_logs", "connection_logs", "health_check_logs"):
        if values.get(f"{kind}.s3.enabled") == "true":
            _require_bucket(call, values.get(f"{kind}.s3.bucket") or balancer.attrs.get(f"{kind}.s3.bucket") or "")


@after("elbv2", "DescribeLoadBalancerAttributes", "ModifyLoadBalancerAttributes")
def complete_load_balancer_attributes(call: Call) -> None:
    balancer = lookup.find_load_balancer(call.backends, call.params["LoadBalancerArn"])
    if balancer is None:
        return
    defaults = {attribute.key: attribute.default for attribute in LOAD_BALANCER_ATTRIBUTES[balancer.type]}
    if balancer.scheme == "internal" and "ipv6.deny_all_igw_traffic" in defaults:
        defaults["ipv6.deny_all_igw_traffic"] = "true"
    _complete(call, defaults)
    if balancer.type == "application":
        _set(call, "load_balancing.cross_zone.enabled", "true")  # it cannot be changed


def _require_bucket(call: Call, bucket: str) -> None:
    if not bucket:
        raise AwsError("InvalidConfigurationRequest", "The S3 bucket of logs must be specified when they are enabled")
    if bucket not in call.backends.backend("s3").buckets:
        message = f"Access Denied for bucket: {bucket}. Please check S3bucket permission"
        raise AwsError("InvalidConfigurationRequest", message)


# --- target groups and listeners


@before("elbv2", "ModifyTargetGroupAttributes")
def validate_target_group_attributes(call: Call) -> None:
    group = lookup.find_target_group(call.backends, call.params["TargetGroupArn"])
    if group is None:
        return
    what = f"target groups with target type '{group.target_type}' and protocol '{group.protocol}'"
    _validate_stickiness(group, _requested(call))
    known = target_group_attributes(group) if group.protocol == "GENEVE" else ALL_TARGET_GROUP_ATTRIBUTES
    _check(_requested(call), target_group_attributes(group), known, "Target group", what)


def _validate_stickiness(group: Any, values: Mapping[str, str]) -> None:
    """Refuse types of stickiness that the protocol of a target group does not have."""
    type_ = values.get("stickiness.type")
    if type_ is None:
        return
    if group.protocol == "GENEVE":
        if type_ not in _GATEWAY_STICKINESS and "stickiness.app_cookie.cookie_name" not in values:
            raise _invalid(f"'{type_}' must be one of [{', '.join(_GATEWAY_STICKINESS)}]")
        return
    if type_ not in _STICKINESS:
        raise _invalid(f"'Stickiness type' must be one of [{', '.join(_STICKINESS)}]")
    if type_ == "source_ip" and group.protocol == "TLS":
        message = "You cannot enable stickiness on target groups with the TLS protocol"
        raise AwsError("InvalidConfigurationRequest", message)
    if (type_ == "source_ip") is (group.protocol in ("HTTP", "HTTPS")):
        message = f"Stickiness type '{type_}' is not supported for target groups with the {group.protocol} protocol"
        raise AwsError("InvalidConfigurationRequest", message)
    name = "stickiness.app_cookie.cookie_name"
    if type_ == "app_cookie" and not (values.get(name) or group.attributes.get(name)):
        message = "You must set an application cookie name to enable stickiness of type 'app_cookie'"
        raise AwsError("InvalidConfigurationRequest", message)


@patch("moto.elbv2.models", "ELBv2Backend.modify_target_group_attributes")
def modify_target_group_attributes(self: Any, target_group_arn: str, attributes: dict[str, Any]) -> None:
    """Set attributes; moto refuses the longest deregistration delay."""
    from moto.elbv2.exceptions import TargetGroupNotFoundError

    group = self.target_groups.get(target_group_arn)
    if group is None:
        raise TargetGroupNotFoundError()
    group.attributes.update(attributes)


@after("elbv2", "DescribeTargetGroupAttributes", "ModifyTargetGroupAttributes")
def complete_target_group_attributes(call: Call) -> None:
    group = lookup.find_target_group(call.backends, call.params["TargetGroupArn"])
    if group is not None:
        stored = {"Attributes": [{"Key": key, "Value": str(value)} for key, value in group.attributes.items()]}
        call.result.update(stored)
        _complete(call, {attribute.key: attribute.default for attribute in target_group_attributes(group)})


@before("elbv2", "ModifyListenerAttributes")
def validate_listener_attributes(call: Call) -> None:
    found = lookup.find_listener(call.backends, call.params["ListenerArn"])
    if found is not None:
        attributes = listener_attributes(*found)
        what = f"listeners with protocol '{found[1].protocol}'"
        _check(_requested(call), attributes, attributes, "Listener", what)


@after("elbv2", "DescribeListenerAttributes", "ModifyListenerAttributes")
def complete_listener_attributes(call: Call) -> None:
    found = lookup.find_listener(call.backends, call.params["ListenerArn"])
    if found is not None:
        _complete(call, {attribute.key: attribute.default for attribute in listener_attributes(*found)})


# --- all


def _requested(call: Call) -> dict[str, str]:
    return {each["Key"]: each.get("Value", "") for each in call.params["Attributes"] if "Key" in each}


def _check(
    values: Mapping[str, str], allowed: Iterable[Attribute], known: Iterable[Attribute], noun: str, what: str
) -> None:
    by_key = {attribute.key: attribute for attribute in allowed}
    known_keys = {attribute.key for attribute in known}
    for key, value in values.items():
        if key not in known_keys:
            raise _invalid(f"{noun} attribute key '{key}' is not recognized")
        if key not in by_key:
            raise _unsupported(noun, key, what)
        by_key[key].check(value)


def _complete(call: Call, defaults: Mapping[str, str]) -> None:
    """Show the attributes that exist: those of moto that do, and the defaults of the others."""
    stored = {each["Key"]: each.get("Value", "") for each in call.result["Attributes"]}
    values = {**defaults, **{key: value for key, value in stored.items() if key in defaults}}
    call.result["Attributes"] = [{"Key": key, "Value": value} for key, value in values.items()]


def _set(call: Call, key: str, value: str) -> None:
    for each in call.result["Attributes"]:
        if each["Key"] == key:
            each["Value"] = value


def _unsupported(noun: str, key: str, what: str) -> AwsError:
    return AwsError("InvalidConfigurationRequest", f"{noun} attribute key '{key}' is not supported on {what}")


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
