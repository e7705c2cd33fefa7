"""Return load balancers, listeners, rules and target groups as AWS does: ARNs, both notations, defaults."""

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Rules, listeners and load balancers are described in full: conditions and forward actions in both "
        "notations, attributes with their defaults. Creating the same resource again returns it.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html",
        ),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        statement="The ARN of a load balancer contains its type: `app`, `net` or `gwy`.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/load-balancer-authentication-access-control.html",
        ),
    ),
)

_TYPE_IN_ARN = {"network": "net", "gateway": "gwy"}
_CONFIG_OF_FIELD = {"path-pattern": "PathPatternConfig", "host-header": "HostHeaderConfig"}
_DEFAULT_ATTRIBUTES = {
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


# --- ARNs


@after("elbv2", "CreateLoadBalancer")
def correct_load_balancer_arn(call: Call) -> None:
    """Put the type into the ARN; moto writes `app` for all types."""
    load_balancer = call.backends.load_balancer(call.params["Name"])
    if load_balancer is None or load_balancer.type not in _TYPE_IN_ARN:
        return
    elbv2, old = call.backends.backend("elbv2"), load_balancer.arn
    new = old.replace(":loadbalancer/app/", f":loadbalancer/{_TYPE_IN_ARN[load_balancer.type]}/")
    if new != old:
        load_balancer.arn = new
        elbv2.load_balancers[new] = elbv2.load_balancers.pop(old)
        elbv2.tagging_service.copy_tags(old, new)
        elbv2.tagging_service.delete_all_tags_for_resource(old)
    call.result["LoadBalancers"][0]["LoadBalancerArn"] = new


@patch("moto.elbv2.models", "FakeRule.__init__")
def initialize_rule(
    self: Any, listener_arn: str, conditions: list[Any], priority: Any, actions: list[Any], is_default: bool
) -> None:
    """Initialize a rule; the ARN that moto makes ends in a memory address."""
    from moto.moto_api._internal import mock_random

    self.listener_arn = listener_arn
    self.arn = f"{listener_arn.replace(':listener/', ':listener-rule/')}/{mock_random.get_random_hex(16)}"
    self.conditions = conditions
    self.priority = priority
    self.actions = actions
    self.is_default = is_default


# --- descriptions


@after("elbv2", "CreateRule", "DescribeRules", "ModifyRule", "SetRulePriorities")
def complete_rules(call: Call) -> None:
    """Describe conditions and actions in both notations."""
    for rule in call.result.get("Rules", []):
        rule["Actions"] = [_complete_action(action) for action in rule.get("Actions", [])]
        for condition in rule.get("Conditions", []):
            if config := _CONFIG_OF_FIELD.get(condition["Field"]):
                values = condition.get(config, {}).get("Values") or condition.get("Values", [])
                condition["Values"], condition[config] = values, {"Values": values}


@after("elbv2", "CreateListener", "DescribeListeners", "ModifyListener")
def complete_listeners(call: Call) -> None:
    for listener in call.result.get("Listeners", []):
        listener["DefaultActions"] = [_complete_action(action) for action in listener.get("DefaultActions", [])]
        if listener["Protocol"] == "HTTP":
            listener.pop("SslPolicy", None)
        if not listener.get("AlpnPolicy"):
            listener.pop("AlpnPolicy", None)


@after("elbv2", "DescribeTargetGroups")
def remove_duplicate_load_balancers(call: Call) -> None:
    for group in call.result.get("TargetGroups", []):
        group["LoadBalancerArns"] = list(dict.fromkeys(group.get("LoadBalancerArns", [])))


@after("elbv2", "DescribeLoadBalancerAttributes", "ModifyLoadBalancerAttributes")
def add_default_attributes(call: Call) -> None:
    load_balancer = call.backends.backend("elbv2").load_balancers[call.params["LoadBalancerArn"]]
    if load_balancer.type != "application":
        return
    attributes = {attribute["Key"]: attribute["Value"] for attribute in call.result["Attributes"]}
    # cross-zone load balancing of an Application Load Balancer is always on
    attributes = {**_DEFAULT_ATTRIBUTES, **attributes, "load_balancing.cross_zone.enabled": "true"}
    call.result["Attributes"] = [{"Key": key, "Value": value} for key, value in attributes.items()]


@after("elbv2", "CreateLoadBalancer")
def set_default_scheme(call: Call) -> None:
    load_balancer = call.backends.load_balancer(call.params["Name"])
    if load_balancer is not None:
        load_balancer.scheme = load_balancer.scheme or "internet-facing"
        call.result["LoadBalancers"][0]["Scheme"] = load_balancer.scheme


def _complete_action(action: dict[str, Any]) -> dict[str, Any]:
    """Return a forward action with both `TargetGroupArn` (for a single group) and `ForwardConfig`."""
    if action.get("Type") != "forward":
        return action
    config = action.get("ForwardConfig") or {
        "TargetGroups": [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]
    }
    config.setdefault("TargetGroupStickinessConfig", {"Enabled": False})
    groups = [{"Weight": 1, **group} for group in config["TargetGroups"]]
    single = {"TargetGroupArn": groups[0]["TargetGroupArn"]} if len(groups) == 1 else {}
    return {**action, **single, "ForwardConfig": {**config, "TargetGroups": groups}}


# --- idempotency


@before("elbv2", "CreateLoadBalancer")
def return_existing_load_balancer(call: Call) -> None:
    """Return a load balancer of the same name and settings; refuse other settings."""
    load_balancer = call.backends.load_balancer(call.params["Name"])
    if load_balancer is None:
        return
    params = call.params
    subnets = set(params.get("Subnets") or [mapping["SubnetId"] for mapping in params.get("SubnetMappings", [])])
    has_same_settings = (
        {subnet.id for subnet in load_balancer.subnets} == subnets
        and params.get("Scheme", "internet-facing") == (load_balancer.scheme or "internet-facing")
        and params.get("Type", "application") == load_balancer.type
        and set(params.get("SecurityGroups") or load_balancer.security_groups) == set(load_balancer.security_groups)
        and params.get("IpAddressType", load_balancer.ip_address_type) == load_balancer.ip_address_type
    )
    if not has_same_settings:
        raise AwsError(
            "DuplicateLoadBalancerName",
            f"A load balancer with the same name '{load_balancer.name}' exists, but with different settings",
        )
    call.result = {"LoadBalancers": [load_balancer]}


@before("elbv2", "CreateTargetGroup")
def return_existing_target_group(call: Call) -> None:
    """Return a target group of the same name and settings; refuse other settings."""
    group = call.backends.target_group(call.params["Name"])
    if group is None:
        return
    settings = {
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
    if any(call.params[name] != value for name, value in settings.items() if name in call.params):
        raise AwsError(
            "DuplicateTargetGroupName",
            f"A target group with the same name '{group.name}' exists, but with different settings",
        )
    call.result = {"TargetGroups": [group]}
