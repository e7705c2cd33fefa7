"""A monthly budget with e-mail notifications."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from esaws.aws import ignore_codes, pages, tag_dict, tag_list
from esaws.cloud import Cloud
from esaws.documented import (
    ANY_TAG,
    DESCRIBED,
    EVERYTHING_ELSE,
    ITSELF,
    LONGEST_REGION,
    Always,
    Between,
    Call,
    Each,
    Field,
    Made,
    Name,
    OneOf,
    Parameter,
    Text,
    Unchecked,
    tags,
)
from esaws.resource import Live, Lives, Resource

_COMPUTED = ("CalculatedSpend", "LastUpdatedTime", "HealthStatus")
_ACTUAL, _FORECASTED = "ACTUAL", "FORECASTED"
_THRESHOLDS = {"thresholds": _ACTUAL, "forecast_thresholds": _FORECASTED}

Thresholds = list[tuple[str, float]]


_MAX_NOTIFICATIONS = 10
"""A call says that a budget has up to five notifications, and the page of the type, and the limit of the list, ten.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Notification.html
"""

_NOTIFICATION_PAGE = "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Notification.html"
_SPEND_PAGE = "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Spend.html"
_ACCOUNT = Made(Unchecked("the 12 digits of the account"))
_AMOUNT = Unchecked("digits, with or without a decimal point")
_UNIT = Unchecked("a unit of measurement, at least one character")
_NAME = Text(
    1,
    100,
    r"(?!.*/action/)(?i:(?!.*<script>))[^:\\\x00-\x1f]*",
    "characters, without : \\ /action/ and control characters",
)
_PERCENT = Each(Between(0, 1_000_000, "percent", integer=False), 0, _MAX_NOTIFICATIONS)


def _documented_notification(path: str) -> dict[str, Parameter]:
    """Return what AWS documents about a notification at this path of a call."""
    return {
        f"{path}.NotificationType": Made(OneOf(_ACTUAL, _FORECASTED), _NOTIFICATION_PAGE),
        f"{path}.ComparisonOperator": Always(
            "GREATER_THAN", OneOf("GREATER_THAN", "LESS_THAN", "EQUAL_TO"), _NOTIFICATION_PAGE
        ),
        f"{path}.Threshold": Field("thresholds", _PERCENT, _NOTIFICATION_PAGE, also="forecast_thresholds"),
        f"{path}.ThresholdType": Always("PERCENTAGE", OneOf("PERCENTAGE", "ABSOLUTE_VALUE"), _NOTIFICATION_PAGE),
    }


def _documented_subscribers(path: str) -> dict[str, Parameter]:
    """Return what AWS documents about the subscribers at this path of a call."""
    page = "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Subscriber.html"
    return {
        f"{path}.SubscriptionType": Always("EMAIL", OneOf("SNS", "EMAIL"), page),
        f"{path}.Address": Field("email", Text(1, None, r"[^@\s]+@[^@\s]+", "an e-mail address"), page),
    }


@dataclass(frozen=True, kw_only=True)
class Budget(Resource):
    """A monthly limit in USD for the whole account.

    `email` is notified when each of `thresholds`, in percent of the limit, is spent, and when the forecast of the month
    reaches one of `forecast_thresholds`. AWS forecasts from about five weeks of usage on, and checks three times a day.
    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-best-practices.html
    Budgets belong to the whole account, so the region is part of the name on AWS.
    """

    limit_usd: float
    email: str | None = None
    thresholds: tuple[int, ...] = (50, 80, 100)
    forecast_thresholds: tuple[int, ...] = (100,)

    in_place = frozenset({"limit_usd", "email", "thresholds", "forecast_thresholds"})
    icon = "aws.cost.Budgets"
    free = "budgets without actions are free"
    permissions = (
        "budgets:ListTagsForResource",
        "budgets:ModifyBudget",
        "budgets:TagResource",
        "budgets:ViewBudget",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_CreateBudget.html",
            {
                "AccountId": _ACCOUNT,
                "Budget.BudgetName": Name(
                    _NAME,
                    "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Budget.html",
                    ending=LONGEST_REGION,
                ),
                "Budget.BudgetLimit.Amount": Field("limit_usd", _AMOUNT, _SPEND_PAGE),
                "Budget.BudgetLimit.Unit": Always("USD", _UNIT, _SPEND_PAGE),
                "Budget.BudgetType": Always("COST", Unchecked("cost, usage, or reservations and Savings Plans")),
                "Budget.TimeUnit": Always("MONTHLY", OneOf("DAILY", "MONTHLY", "QUARTERLY", "ANNUALLY", "CUSTOM")),
                **_documented_notification("NotificationsWithSubscribers[].Notification"),
                **_documented_subscribers("NotificationsWithSubscribers[].Subscribers[]"),
                **tags("ResourceTags", ANY_TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_UpdateBudget.html",
            {
                "AccountId": _ACCOUNT,
                "NewBudget.BudgetLimit.Amount": Field("limit_usd", _AMOUNT, _SPEND_PAGE),
                "NewBudget.BudgetLimit.Unit": Always("USD", _UNIT, _SPEND_PAGE),
                EVERYTHING_ELSE: DESCRIBED,
            },
        ),
        Call(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_CreateNotification.html",
            {
                "AccountId": _ACCOUNT,
                "BudgetName": ITSELF,
                **_documented_notification("Notification"),
                **_documented_subscribers("Subscribers[]"),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_DeleteNotification.html",
            {"AccountId": _ACCOUNT, "BudgetName": ITSELF, EVERYTHING_ELSE: DESCRIBED},
        ),
        Call(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_DeleteBudget.html",
            {"AccountId": _ACCOUNT, "BudgetName": ITSELF},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.limit_usd) and self.limit_usd > 0):
            raise self.refusal(f"limit_usd {self.limit_usd} is not valid. Use a positive amount.")
        if len(self._thresholds()) > _MAX_NOTIFICATIONS:
            raise self.refusal(
                f"AWS takes at most {_MAX_NOTIFICATIONS} thresholds. Leave some out.",
                _NOTIFICATION_PAGE,
            )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        budgets = cloud.client("budgets")
        lives = []
        for raw in pages(cloud, "budgets", "describe_budgets", "Budgets", AccountId=cloud.account):
            budget = raw["BudgetName"]
            if not (budget.startswith(cloud.aws_name("")) and budget.endswith(f"-{cloud.region}")):
                continue
            arn = f"arn:{budgets.meta.partition}:budgets::{cloud.account}:budget/{budget}"
            with ignore_codes("NotFoundException"):  # deleted meanwhile
                tags = budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"]
                if name := cloud.owned_name(tag_dict(tags)):
                    notifications = [*_notifications(cloud, budget)]
                    emails = {address for _, addresses in notifications for address in addresses}
                    fields = {
                        "limit_usd": float(raw["BudgetLimit"]["Amount"]),
                        "email": ", ".join(sorted(emails)) or None,
                        "thresholds": _thresholds_of(notifications, _ACTUAL),
                        "forecast_thresholds": _thresholds_of(notifications, _FORECASTED),
                    }
                    lives.append(Live(cls.kind, name, budget, fields=fields, raw=raw))
        return lives

    def desired(self) -> dict[str, Any]:
        # AWS stores thresholds in notifications, which need a subscriber.
        thresholds = {name: frozenset(getattr(self, name) if self.email else ()) for name in _THRESHOLDS}
        return super().desired() | thresholds

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
                "BudgetLimit": self._limit(),
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
            },
            NotificationsWithSubscribers=notifications,
            ResourceTags=tag_list(cloud.tags(self.name, expiry=False)),
        )
        self.remember_id(cloud, budget)

    def update(self, cloud: Cloud, live: Live) -> None:
        budgets = cloud.client("budgets")
        where = {"AccountId": cloud.account, "BudgetName": live.id}
        if live.fields["limit_usd"] != self.limit_usd:
            budget = {key: value for key, value in live.raw.items() if key not in _COMPUTED}
            limit = {"BudgetLimit": self._limit()}
            budgets.update_budget(AccountId=cloud.account, NewBudget=budget | limit)
        missing = self._thresholds() if self.email else []
        for notification, emails in [*_notifications(cloud, live.id)]:
            threshold = notification["NotificationType"], notification["Threshold"]
            if threshold in missing and emails == [self.email]:
                missing.remove(threshold)
            else:
                with ignore_codes("NotFoundException"):
                    budgets.delete_notification(**where, Notification=notification)
        for threshold in missing:
            notification = _notification(*threshold)
            budgets.create_notification(**where, Notification=notification, Subscribers=[self._subscriber()])

    def _limit(self) -> dict[str, str]:
        amount = Decimal(str(self.limit_usd))
        return {"Amount": f"{amount:f}", "Unit": "USD"}  # AWS takes no exponent

    def _thresholds(self) -> Thresholds:
        """Return (notification type, percent) of each threshold, without duplicates."""
        by_type = {type: getattr(self, name) for name, type in _THRESHOLDS.items()}
        return sorted({(type, float(threshold)) for type, thresholds in by_type.items() for threshold in thresholds})

    def _subscriber(self) -> dict[str, Any]:
        return {"SubscriptionType": "EMAIL", "Address": self.email}

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes("NotFoundException"):
            cloud.client("budgets").delete_budget(AccountId=cloud.account, BudgetName=live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(name="monthly", limit_usd=50.0, email="owner@example.com")


def _notification(type: str, threshold: float) -> dict[str, Any]:
    return {
        "NotificationType": type,
        "ComparisonOperator": "GREATER_THAN",
        "Threshold": threshold,
        "ThresholdType": "PERCENTAGE",
    }


def _thresholds_of(notifications: Iterable[tuple[dict[str, Any], list[str]]], type: str) -> frozenset[float]:
    return frozenset(
        notification["Threshold"] for notification, _ in notifications if notification["NotificationType"] == type
    )


def _notifications(cloud: Cloud, budget: str) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Yield each notification of a budget with the addresses of its subscribers."""
    where = {"AccountId": cloud.account, "BudgetName": budget}
    for raw in pages(cloud, "budgets", "describe_notifications_for_budget", "Notifications", **where):
        notification = {key: value for key, value in raw.items() if key != "NotificationState"}
        subscribers = pages(
            cloud, "budgets", "describe_subscribers_for_notification", "Subscribers", **where, Notification=notification
        )
        yield notification, sorted(subscriber["Address"] for subscriber in subscribers)
