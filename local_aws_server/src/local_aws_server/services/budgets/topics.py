"""Publish budget notifications to SNS topics, if the policy of the topic allows it.

https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.clock.event_log import record_account_event
from local_aws_server.services.sns import delivery

_PRINCIPAL = "budgets.amazonaws.com"


def publish(account: str, budget_name: str, topic_arn: str, subject: str, text: str) -> None:
    """Publish a message to a topic whose policy allows it."""
    backends = Backends(account, topic_arn.split(":")[3])
    topic = backends.backend("sns").topics.get(topic_arn)
    if topic is None:
        record_account_event(account, budget_name, "notification not published", f"there is no topic {topic_arn}")
    elif not _policy_allows_budgets(topic.policy):
        reason = f"the policy of {topic_arn} does not allow {_PRINCIPAL} to publish"
        record_account_event(account, budget_name, "notification not published", reason)
    else:
        delivery.publish(topic_arn, text, subject)


def _policy_allows_budgets(policy: str) -> bool:
    """Whether the policy of a topic lets AWS Budgets publish; a topic's default policy does not."""
    return any(
        statement["Effect"] == "Allow" and _names_budgets(statement)
        for statement in _as_list(json.loads(policy).get("Statement"))
    )


def _names_budgets(statement: Mapping[str, Any]) -> bool:
    principal, is_unconditional = statement.get("Principal", {}), "Condition" not in statement
    if isinstance(principal, Mapping):
        is_public = "*" in _as_list(principal.get("AWS"))
        return _PRINCIPAL in _as_list(principal.get("Service")) or (is_public and is_unconditional)
    return principal == "*" and is_unconditional


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
