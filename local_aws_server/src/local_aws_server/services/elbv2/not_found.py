"""A load balancer's rule or listener that does not exist is RuleNotFound or ListenerNotFound, its tags' owner too.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteRule.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html
"""

from collections.abc import Callable, Container

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.not_found import NotFoundRule, by

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="A load balancer's rule or listener that does not exist is RuleNotFound or ListenerNotFound, "
        "its tags' owner too.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteRule.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html",
        ),
    ),
)

_TAGS = by("ResourceArns", "AddTags", "DescribeTags", "RemoveTags")


def _balancers(call: Call) -> set[str]:
    return set(call.backends.backend("elbv2").load_balancers)


def _target_groups(call: Call) -> set[str]:
    return set(call.backends.backend("elbv2").target_groups)


def _listeners(call: Call) -> set[str]:
    return {arn for balancer in call.backends.backend("elbv2").load_balancers.values() for arn in balancer.listeners}


def _rules(call: Call) -> set[str]:
    balancers = call.backends.backend("elbv2").load_balancers.values()
    return {rule.arn for b in balancers for listener in b.listeners.values() for rule in listener.rules.values()}


def _policies(call: Call) -> Container[str]:
    from moto.elbv2.ssl_policies import SSL_POLICIES

    return SSL_POLICIES.keys()


def _among(word: str, known: Callable[[Call], set[str]]) -> Callable[[Call], set[str]]:
    """Those that exist, and every ARN of another kind: those are for the other entries."""
    return lambda call: known(call) | {arn for arn in call.params["ResourceArns"] if f":{word}/" not in arn}


for _code, _message, _word, _known in (
    ("LoadBalancerNotFound", "Load balancer '{}' not found", "loadbalancer", _balancers),
    ("TargetGroupNotFound", "Target groups '{}' not found", "targetgroup", _target_groups),
    ("ListenerNotFound", "Listeners '{}' not found", "listener", _listeners),
    ("RuleNotFound", "Rules '{}' not found", "listener-rule", _rules),
):
    NotFoundRule("elbv2", _code, _message, _among(_word, _known), _TAGS).install()

NotFoundRule(
    "elbv2", "RuleNotFound", "Rules '{}' not found", _rules, by("RuleArn", "DeleteRule", "ModifyRule")
).install()
NotFoundRule(
    "elbv2",
    "SSLPolicyNotFound",
    "SSL policy '{}' not found",
    _policies,
    by("Names", "DescribeSSLPolicies"),
).install()
