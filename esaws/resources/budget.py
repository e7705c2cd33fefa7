"""A budget: what a month may cost, and who hears when parts of that are spent, or about to be."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes, pages, tag_dict, tag_list
from esaws.cloud import Cloud
from esaws.errors import InvalidResource
from esaws.resource import Live, Lives, Resource

_MADE_BY_AWS = ("CalculatedSpend", "LastUpdatedTime", "HealthStatus")
_SPENT, _EXPECTED = "ACTUAL", "FORECASTED"
_THRESHOLDS = {"thresholds": _SPENT, "forecast_thresholds": _EXPECTED}

Thresholds = list[tuple[str, float]]


@dataclass(frozen=True, kw_only=True)
class Budget(Resource):
    """A monthly limit in USD for the whole account.

    `email` hears once each of `thresholds`, in percent of it, is spent, and once AWS expects that the month will come
    to one of `forecast_thresholds`. It forecasts from about five weeks of usage on, and looks three times a day.
    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-best-practices.html
    Budgets belong to the whole account, so the region is part of the name on AWS.
    """

    limit_usd: float
    email: str | None = None
    thresholds: tuple[int, ...] = (50, 80, 100)
    forecast_thresholds: tuple[int, ...] = (100,)

    in_place = frozenset({"limit_usd", "email", "thresholds", "forecast_thresholds"})
    icon = "aws.cost.Budgets"
    free = "budgets that only tell are free"
    name_pattern = re.compile(r"(?!.*/action/)[^:\\\x00-\x1f]+")
    name_limit = 75
    permissions = (
        "budgets:ListTagsForResource",
        "budgets:ModifyBudget",
        "budgets:TagResource",
        "budgets:ViewBudget",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.limit_usd) and self.limit_usd > 0):
            raise InvalidResource(f"{self}: a limit of {self.limit_usd} USD is none")
        thresholds = self._thresholds()
        if len(thresholds) > 10 or not all(threshold > 0 for _, threshold in thresholds):
            raise InvalidResource(f"{self}: AWS tells at ten thresholds at most, each above 0 percent")
        if self.email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", self.email):
            raise InvalidResource(f"{self}: {self.email!r} is not an e-mail address")

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        budgets = cloud.client("budgets")
        lives = []
        for raw in pages(cloud, "budgets", "describe_budgets", "Budgets", AccountId=cloud.account):
            budget = raw["BudgetName"]
            if not (budget.startswith(cloud.aws_name("")) and budget.endswith(f"-{cloud.region}")):
                continue
            arn = f"arn:{budgets.meta.partition}:budgets::{cloud.account}:budget/{budget}"
            with ignore_codes("NotFoundException"):  # deleted since
                tags = budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"]
                if name := cloud.owned_name(tag_dict(tags)):
                    told = [*_notifications(cloud, budget)]
                    at = [(notification["NotificationType"], notification["Threshold"]) for notification, _ in told]
                    fields = {
                        "limit_usd": float(raw["BudgetLimit"]["Amount"]),
                        "email": ", ".join(sorted({address for _, emails in told for address in emails})) or None,
                        "thresholds": frozenset(threshold for of, threshold in at if of == _SPENT),
                        "forecast_thresholds": frozenset(threshold for of, threshold in at if of == _EXPECTED),
                    }
                    lives.append(Live(cls.kind, name, budget, fields=fields, raw=raw))
        return lives

    def desired(self) -> dict[str, Any]:
        # Without somebody to tell there is nothing to keep the thresholds in.
        told = {name: frozenset(getattr(self, name) if self.email else ()) for name in _THRESHOLDS}
        return super().desired() | told

    def create(self, cloud: Cloud) -> None:
        budget = f"{cloud.aws_name(self.name)}-{cloud.region}"
        notifications = [
            {"Notification": _notification(*threshold), "Subscribers": [self._subscriber()]}
            for threshold in (self._thresholds() if self.email else ())
        ]
        cloud.client("budgets").create_budget(
            AccountId=cloud.account,
            Budget={
                "BudgetName": budget,
                "BudgetLimit": {"Amount": str(self.limit_usd), "Unit": "USD"},
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
            },
            NotificationsWithSubscribers=notifications,
            ResourceTags=tag_list(cloud.tags(self.name)),
        )
        self.remember_id(cloud, budget)

    def update(self, cloud: Cloud, live: Live) -> None:
        budgets = cloud.client("budgets")
        where = {"AccountId": cloud.account, "BudgetName": live.id}
        if live.fields["limit_usd"] != self.limit_usd:
            kept = {key: value for key, value in live.raw.items() if key not in _MADE_BY_AWS}
            limit = {"BudgetLimit": {"Amount": str(self.limit_usd), "Unit": "USD"}}
            budgets.update_budget(AccountId=cloud.account, NewBudget=kept | limit)
        wanted = self._thresholds() if self.email else []
        for notification, emails in [*_notifications(cloud, live.id)]:
            threshold = notification["NotificationType"], notification["Threshold"]
            if threshold in wanted and emails == [self.email]:
                wanted.remove(threshold)
            else:
                with ignore_codes("NotFoundException"):
                    budgets.delete_notification(**where, Notification=notification)
        for threshold in wanted:
            notification = _notification(*threshold)
            budgets.create_notification(**where, Notification=notification, Subscribers=[self._subscriber()])

    def _thresholds(self) -> Thresholds:
        """(AWS's word for what is compared, percent), each once."""
        both = {word: getattr(self, name) for name, word in _THRESHOLDS.items()}
        return sorted({(word, float(threshold)) for word, thresholds in both.items() for threshold in thresholds})

    def _subscriber(self) -> dict[str, Any]:
        return {"SubscriptionType": "EMAIL", "Address": self.email}

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes("NotFoundException"):
            cloud.client("budgets").delete_budget(AccountId=cloud.account, BudgetName=live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(name="monthly", limit_usd=50.0, email="owner@example.com")


def _notification(of: str, threshold: float) -> dict[str, Any]:
    return {
        "NotificationType": of,
        "ComparisonOperator": "GREATER_THAN",
        "Threshold": threshold,
        "ThresholdType": "PERCENTAGE",
    }


def _notifications(cloud: Cloud, budget: str) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Each notification of a budget with the addresses that it goes to."""
    where = {"AccountId": cloud.account, "BudgetName": budget}
    found = pages(cloud, "budgets", "describe_notifications_for_budget", "Notifications", **where)
    for notification in found:
        told = {key: value for key, value in notification.items() if key != "NotificationState"}
        subscribers = pages(
            cloud, "budgets", "describe_subscribers_for_notification", "Subscribers", **where, Notification=told
        )
        yield told, sorted(subscriber["Address"] for subscriber in subscribers)
