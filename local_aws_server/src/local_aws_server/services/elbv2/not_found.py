"""Refuse calls that name a load balancer, listener, rule, target group or SSL policy that does not exist."""

from collections.abc import Callable, Container

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.not_found import NotFoundRule, by_parameter

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="A call that names a rule, listener, load balancer or target group that does not exist is refused, "
        "also in tagging operations.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteRule.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html",
        ),
    ),
)

_TAG_OPERATIONS = by_parameter("ResourceArns", "AddTags", "DescribeTags", "RemoveTags")


def _load_balancers(call: Call) -> set[str]:
    return set(call.backends.backend("elbv2").load_balancers)


def _target_groups(call: Call) -> set[str]:
    return set(call.backends.backend("elbv2").target_groups)


def _listeners(call: Call) -> set[str]:
    load_balancers = call.backends.backend("elbv2").load_balancers.values()
    return {arn for load_balancer in load_balancers for arn in load_balancer.listeners}


def _rules(call: Call) -> set[str]:
    load_balancers = call.backends.backend("elbv2").load_balancers.values()
    return {
        rule.arn
        for load_balancer in load_balancers
        for listener in load_balancer.listeners.values()
        for rule in listener.rules.values()
    }


def _ssl_policies(call: Call) -> Container[str]:
    from moto.elbv2.ssl_policies import SSL_POLICIES

    return SSL_POLICIES.keys()


def _arns_of_kind(kind: str, existing: Callable[[Call], set[str]]) -> Callable[[Call], set[str]]:
    """Return a function for the existing ARNs of a kind, and all ARNs of other kinds, which other rules check."""
    return lambda call: existing(call) | {arn for arn in call.params["ResourceArns"] if f":{kind}/" not in arn}


for _code, _message, _kind, _existing in (
    ("LoadBalancerNotFound", "Load balancer '{}' not found", "loadbalancer", _load_balancers),
    ("TargetGroupNotFound", "Target groups '{}' not found", "targetgroup", _target_groups),
    ("ListenerNotFound", "Listeners '{}' not found", "listener", _listeners),
    ("RuleNotFound", "Rules '{}' not found", "listener-rule", _rules),
):
    NotFoundRule("elbv2", _code, _message, _arns_of_kind(_kind, _existing), _TAG_OPERATIONS).register()

NotFoundRule(
    "elbv2", "RuleNotFound", "Rules '{}' not found", _rules, by_parameter("RuleArn", "DeleteRule", "ModifyRule")
).register()
NotFoundRule(
    "elbv2",
    "SSLPolicyNotFound",
    "SSL policy '{}' not found",
    _ssl_policies,
    by_parameter("Names", "DescribeSSLPolicies"),
).register()
NotFoundRule(
    "elbv2",
    "SSLPolicyNotFound",
    "SSL policy '{}' not found",
    _ssl_policies,
    by_parameter("SslPolicy", "CreateListener", "ModifyListener"),
).register()
NotFoundRule(
    "elbv2",
    "LoadBalancerNotFound",
    "One or more load balancers not found",
    _load_balancers,
    {"DescribeLoadBalancers": "LoadBalancerArns", "DescribeCapacityReservation": "LoadBalancerArn"},
).register()
NotFoundRule(
    "elbv2",
    "LoadBalancerNotFound",
    "Load balancers '[{}]' not found",
    lambda call: {each.name for each in call.backends.backend("elbv2").load_balancers.values()},
    by_parameter("Names", "DescribeLoadBalancers"),
).register()
NotFoundRule(
    "elbv2",
    "ListenerNotFound",
    "One or more listeners not found",
    _listeners,
    {
        **by_parameter("ListenerArns", "DescribeListeners"),
        **by_parameter("ListenerArn", "CreateRule", "DeleteListener", "DescribeRules", "ModifyListener"),
    },
).register()
