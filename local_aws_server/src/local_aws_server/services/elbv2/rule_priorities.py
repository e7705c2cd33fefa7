"""Rules may exchange their priorities in one call; moto finds each in the way of the other.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetRulePriorities.html
"""

from typing import Any

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Rules may exchange their priorities in one call; moto finds each in the way of the other.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetRulePriorities.html",
        ),
    ),
)


@before("elbv2", "SetRulePriorities")
def step_aside(call: Call) -> None:
    asked = {pair["RuleArn"]: pair["Priority"] for pair in call.params["RulePriorities"]}
    rules = _rules(call)
    moved = {arn: rules[arn] for arn in asked if arn in rules}
    listeners = {rule.listener_arn for rule in moved.values()}
    taken = {rule.priority for arn, rule in rules.items() if arn not in moved and rule.listener_arn in listeners}
    wanted = list(asked.values())
    if len(moved) == len(asked) == len(set(wanted)) and not taken & set(wanted):
        # moto accepts it now: none of them is in the way of another any more.
        for number, rule in enumerate(moved.values()):
            rule.priority = -1 - number


def _rules(call: Call) -> dict[str, Any]:
    return {
        arn: rule
        for balancer in call.backends.backend("elbv2").load_balancers.values()
        for listener in balancer.listeners.values()
        for arn, rule in listener.rules.items()
    }
