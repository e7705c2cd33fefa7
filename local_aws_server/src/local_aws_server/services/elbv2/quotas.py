"""Refuse what exceeds a quota of load balancers, listeners, certificates, rules, target groups and targets."""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, replace
from local_aws_server.services.elbv2 import lookup

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="The quotas of load balancers, listeners, certificates, rules, target groups and targets hold, and "
        "are described.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-limits.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeAccountLimits.html",
        ),
    ),
)

LIMITS = {
    "application-load-balancers": 50,
    "certificates-per-application-load-balancer": 25,
    "certificates-per-network-load-balancer": 25,
    "condition-values-per-alb-rule": 5,
    "condition-wildcards-per-alb-rule": 6,
    "gateway-load-balancers": 100,
    "gateway-load-balancers-per-vpc": 100,
    "geneve-target-groups": 100,
    "listeners-per-application-load-balancer": 50,
    "listeners-per-network-load-balancer": 50,
    "network-load-balancers": 50,
    "rules-per-application-load-balancer": 100,
    "target-groups": 3000,
    "target-groups-per-action-on-application-load-balancer": 5,
    "target-groups-per-action-on-network-load-balancer": 1,
    "target-groups-per-application-load-balancer": 100,
    "target-id-registrations-per-application-load-balancer": 1000,
    "targets-per-application-load-balancer": 1000,
    "targets-per-availability-zone-per-gateway-load-balancer": 300,
    "targets-per-availability-zone-per-network-load-balancer": 500,
    "targets-per-network-load-balancer": 3000,
    "targets-per-target-group": 1000,
}
"""Name of a quota in DescribeAccountLimits → its value."""

_BALANCERS = {"application": "application-load-balancers", "network": "network-load-balancers"}
_LISTENERS = {kind: f"listeners-per-{kind}-load-balancer" for kind in ("application", "network")}
_MAX_DESCRIBED_LOAD_BALANCERS = 20
_MAX_TAGGED = 20


@replace("elbv2", "DescribeAccountLimits")
def describe_account_limits(call: Call) -> dict[str, Any]:
    return {"Limits": [{"Name": name, "Max": str(value)} for name, value in LIMITS.items()]}


@before("elbv2", "CreateLoadBalancer")
def limit_load_balancers(call: Call) -> None:
    kind = call.params.get("Type", "application")
    existing = [each for each in lookup.load_balancers(call.backends) if each.type == kind]
    if len(existing) >= LIMITS[_BALANCERS.get(kind, "gateway-load-balancers")] and not call.has_result:
        raise AwsError("TooManyLoadBalancers", "The maximum number of load balancers has been reached")


@before("elbv2", "CreateTargetGroup")
def limit_target_groups(call: Call) -> None:
    if len(call.backends.backend("elbv2").target_groups) >= LIMITS["target-groups"] and not call.has_result:
        raise AwsError("TooManyTargetGroups", "The maximum number of target groups has been reached")


@before("elbv2", "CreateListener")
def limit_listeners(call: Call) -> None:
    balancer = lookup.find_load_balancer(call.backends, call.params["LoadBalancerArn"])
    limit = LIMITS.get(_LISTENERS.get(balancer.type, ""), 1) if balancer is not None else 1
    if balancer is not None and len(balancer.listeners) >= limit:
        message = f"The maximum number of listeners has been reached on load balancer '{balancer.arn}'"
        raise AwsError("TooManyListeners", message)


@before("elbv2", "CreateRule")
def limit_rules(call: Call) -> None:
    found = lookup.find_listener(call.backends, call.params["ListenerArn"])
    if found is None:
        return
    # default rules do not count
    rules = sum(len(listener.rules) - 1 for listener in found[0].listeners.values())
    if rules >= LIMITS["rules-per-application-load-balancer"]:
        message = f"The maximum number of rules on load balancer '{found[0].arn}' has been reached"
        raise AwsError("TooManyRules", message)


@before("elbv2", "AddListenerCertificates")
def limit_certificates(call: Call) -> None:
    found = lookup.find_listener(call.backends, call.params["ListenerArn"])
    added = {each.get("CertificateArn") for each in call.params["Certificates"]}
    listeners = found[0].listeners.values() if found else ()
    # default certificates do not count
    existing = {arn for listener in listeners for arn in listener.certificates[1:]}
    if len(existing | added) > LIMITS["certificates-per-application-load-balancer"]:
        raise AwsError("TooManyCertificates", "The maximum number of certificates on the load balancer was reached")


@before("elbv2", "RegisterTargets")
def limit_targets(call: Call) -> None:
    group = lookup.find_target_group(call.backends, call.params["TargetGroupArn"])
    if group is None:
        return
    added = {(target["Id"], int(target.get("Port") or group.port or 0)) for target in call.params["Targets"]}
    limit = 1 if group.target_type in ("lambda", "alb") else LIMITS["targets-per-target-group"]
    if len({*group.targets, *added}) > limit:
        message = f"The maximum number of targets in target group '{group.arn}' has been reached"
        raise AwsError("TooManyTargets", message)


@before("elbv2", "DescribeLoadBalancers")
def limit_described_load_balancers(call: Call) -> None:
    for name in ("LoadBalancerArns", "Names"):
        if len(call.params.get(name) or ()) > _MAX_DESCRIBED_LOAD_BALANCERS:
            raise AwsError("ValidationError", f"Up to {_MAX_DESCRIBED_LOAD_BALANCERS} load balancers can be described")


@before("elbv2", "DescribeTags")
def limit_described_resources(call: Call) -> None:
    if len(call.params["ResourceArns"]) > _MAX_TAGGED:
        raise AwsError("ValidationError", f"Tags of up to {_MAX_TAGGED} resources can be described in one call")
