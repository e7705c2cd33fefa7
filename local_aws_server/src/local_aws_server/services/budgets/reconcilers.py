"""Budgets are compared with the bill three times a day; their subscribers are told, and topics that let them publish.

What is sent can be read at `/_esaws/notifications`; mail is not.
https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.call import DEFAULT_ACCOUNT
from local_aws_server.control import control
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import reconciler
from local_aws_server.services.budgets import notifications

BEHAVIOURS = (
    Behaviour(
        service="AWS Budgets",
        statement="Budgets are compared with the bill three times a day; their subscribers are told, and topics "
        "that let them publish.",
        documentation=("https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html",),
    ),
)


@reconciler("budgets", order=95)
def budgets_are_evaluated(world: Backends) -> float | None:
    return notifications.evaluate_due_budgets(world)


@control("GET", "notifications")
def sent_notifications(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the budgets of an account have sent to their subscribers."""
    return {"notifications": notifications.sent_messages(asked.get("account", DEFAULT_ACCOUNT))}
