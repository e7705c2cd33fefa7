"""Let rules of a listener exchange their priorities in one call."""

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Rules can exchange their priorities in one SetRulePriorities call.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetRulePriorities.html",
        ),
    ),
)


@before("elbv2", "SetRulePriorities")
def free_priorities(call: Call) -> None:
    """Give the rules unused priorities first; moto refuses a priority that another of them has."""
    if not all({"RuleArn", "Priority"} <= pair.keys() for pair in call.params["RulePriorities"]):
        raise AwsError("ValidationError", "A rule ARN and a priority must be specified", 400)
    priorities = {pair["RuleArn"]: pair["Priority"] for pair in call.params["RulePriorities"]}
    rules = _rules(call)
    moved = {arn: rules[arn] for arn in priorities if arn in rules}
    listeners = {rule.listener_arn for rule in moved.values()}
    taken = {rule.priority for arn, rule in rules.items() if arn not in moved and rule.listener_arn in listeners}
    requested = list(priorities.values())
    if len(moved) == len(priorities) == len(set(requested)) and not taken & set(requested):
        for number, rule in enumerate(moved.values()):
            rule.priority = -1 - number


def _rules(call: Call) -> dict[str, Any]:
    return {
        arn: rule
        for load_balancer in call.backends.backend("elbv2").load_balancers.values()
        for listener in load_balancer.listeners.values()
        for arn, rule in listener.rules.items()
    }
