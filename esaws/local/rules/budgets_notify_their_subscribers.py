"""Budgets are compared with the bill three times a day; their subscribers are told, and topics that let them publish.

What is sent can be read at `/_esaws/notifications`; mail is not.
https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esaws.local.billing import budget_notifications
from esaws.local.call import DEFAULT_ACCOUNT
from esaws.local.control import control
from esaws.local.seam import follows
from esaws.local.world import World


@follows("budgets", order=95)
def budgets_are_evaluated(world: World) -> float | None:
    return budget_notifications.follow(world)


@control("GET", "notifications")
def notifications(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the budgets of an account have sent to their subscribers."""
    return {"notifications": budget_notifications.messages(asked.get("account", DEFAULT_ACCOUNT))}
