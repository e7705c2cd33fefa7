"""Listeners, rules and load balancers are described as AWS does: both forms of a condition and of a forward.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html
"""

from typing import Any

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, after, before, patch

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Listeners, rules and load balancers are described as AWS does: both forms of a condition and "
        "of a forward.",
        documentation=("https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html",),
    ),
)

_FORMS = {"path-pattern": "PathPatternConfig", "host-header": "HostHeaderConfig"}
_ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "client_keep_alive.seconds": "3600",
    "routing.http2.enabled": "true",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "waf.fail_open.enabled": "false",
}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"""


@patch("moto.elbv2.models", "FakeRule.__init__")
def default_rule(
    self: Any, listener_arn: str, conditions: list[Any], priority: Any, actions: list[Any], is_default: bool
) -> None:
    """moto ends its ARN in an address of memory."""
    from moto.moto_api._internal import mock_random

    self.listener_arn = listener_arn
    self.arn = f"{listener_arn.replace(':listener/', ':listener-rule/')}/{mock_random.get_random_hex(16)}"
    self.conditions = conditions
    self.priority = priority
    self.actions = actions
    self.is_default = is_default


@after("elbv2", "CreateRule", "DescribeRules", "ModifyRule", "SetRulePriorities")
def rules_in_full(call: Call) -> None:
    for rule in call.result.get("Rules", []):
        rule["Actions"] = [_in_full(action) for action in rule.get("Actions", [])]
        for condition in rule.get("Conditions", []):
            if form := _FORMS.get(condition["Field"]):
                values = condition.get(form, {}).get("Values") or condition.get("Values", [])
                condition["Values"], condition[form] = values, {"Values": values}


@after("elbv2", "CreateListener", "DescribeListeners", "ModifyListener")
def listeners_in_full(call: Call) -> None:
    for listener in call.result.get("Listeners", []):
        listener["DefaultActions"] = [_in_full(action) for action in listener.get("DefaultActions", [])]
        if listener["Protocol"] == "HTTP":
            listener.pop("SslPolicy", None)
        if not listener.get("AlpnPolicy"):
            listener.pop("AlpnPolicy", None)


@after("elbv2", "DescribeTargetGroups")
def each_load_balancer_once(call: Call) -> None:
    for group in call.result.get("TargetGroups", []):
        group["LoadBalancerArns"] = list(dict.fromkeys(group.get("LoadBalancerArns", [])))


@after("elbv2", "DescribeLoadBalancerAttributes", "ModifyLoadBalancerAttributes")
def attributes_not_set_have_defaults(call: Call) -> None:
    balancer = call.backends.backend("elbv2").load_balancers[call.params["LoadBalancerArn"]]
    if balancer.type != "application":
        return
    shown = {attribute["Key"]: attribute["Value"] for attribute in call.result["Attributes"]}
    # zones can't be separated on an application load balancer
    shown = {**_ATTRIBUTES, **shown, "load_balancing.cross_zone.enabled": "true"}
    call.result["Attributes"] = [{"Key": key, "Value": value} for key, value in shown.items()]


@before("elbv2", "CreateLoadBalancer")
def the_same_balancer_again_is_no_error(call: Call) -> None:
    balancer = call.backends.load_balancer(call.params["Name"])
    if balancer is None:
        return
    asked = call.params
    subnets = set(asked.get("Subnets") or [mapping["SubnetId"] for mapping in asked.get("SubnetMappings", [])])
    same = (
        {subnet.id for subnet in balancer.subnets} == subnets
        and asked.get("Scheme", "internet-facing") == (balancer.scheme or "internet-facing")
        and asked.get("Type", "application") == balancer.type
        and set(asked.get("SecurityGroups") or balancer.security_groups) == set(balancer.security_groups)
        and asked.get("IpAddressType", balancer.ip_address_type) == balancer.ip_address_type
    )
    if not same:
        raise AwsError(
            "DuplicateLoadBalancerName",
            f"A load balancer with the same name '{balancer.name}' exists, but with different settings",
        )
    call.result = {"LoadBalancers": [balancer]}


@after("elbv2", "CreateLoadBalancer")
def internet_facing_unless_asked_otherwise(call: Call) -> None:
    balancer = call.backends.load_balancer(call.params["Name"])
    if balancer is not None:
        balancer.scheme = balancer.scheme or "internet-facing"
        call.result["LoadBalancers"][0]["Scheme"] = balancer.scheme


@before("elbv2", "CreateTargetGroup")
def the_same_target_group_again_is_no_error(call: Call) -> None:
    group = call.backends.target_group(call.params["Name"])
    if group is None:
        return
    shown = {
        "Protocol": group.protocol,
        "Port": int(group.port or 0),
        "VpcId": group.vpc_id,
        "TargetType": group.target_type or "instance",
        "ProtocolVersion": group.protocol_version,
        "HealthCheckPath": group.health_check_path,
        "HealthCheckIntervalSeconds": int(group.health_check_interval_seconds or 0),
        "HealthCheckTimeoutSeconds": int(group.health_check_timeout_seconds or 0),
        "HealthyThresholdCount": int(group.healthy_threshold_count or 0),
        "UnhealthyThresholdCount": int(group.unhealthy_threshold_count or 0),
        "Matcher": group.matcher,
    }
    if any(call.params[name] != value for name, value in shown.items() if name in call.params):
        raise AwsError(
            "DuplicateTargetGroupName",
            f"A target group with the same name '{group.name}' exists, but with different settings",
        )
    call.result = {"TargetGroups": [group]}


def _in_full(action: dict[str, Any]) -> dict[str, Any]:
    if action.get("Type") != "forward":
        return action
    config = action.get("ForwardConfig") or {
        "TargetGroups": [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]
    }
    config.setdefault("TargetGroupStickinessConfig", {"Enabled": False})
    groups = [{"Weight": 1, **group} for group in config["TargetGroups"]]
    only = {"TargetGroupArn": groups[0]["TargetGroupArn"]} if len(groups) == 1 else {}
    return {**action, **only, "ForwardConfig": {**config, "TargetGroups": groups}}
