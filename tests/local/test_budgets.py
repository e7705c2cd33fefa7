"""Budgets: their actual and forecasted spend, their notifications, and their validation."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from local_aws_server.billing.calendar import Period, next_month_start
from local_aws_server.clock.clock import format_timestamp, parse_timestamp
from local_aws_server.services.budgets import amounts, notifications
from local_aws_server.services.budgets.amounts import (
    Spend,
    budget_limit,
    cost_filters_to_expression,
    period_containing,
)
from tests.local.billing import reset
from tests.local.conftest import Account
from tests.local.timing import advance, control, events, now

EMAIL = {"SubscriptionType": "EMAIL", "Address": "owner@example.com"}


@pytest.fixture
def february(billing_server: str) -> Account:
    """A new account without free tier on 1 February 2026, alone on its server."""
    return reset(billing_server, "2026-02-01T00:00:00Z", "none")


def launch(account: Account, instances: int = 1, **more: Any) -> None:
    account.client("ec2").run_instances(
        ImageId="ami-760aaa0f", InstanceType="t2.micro", MinCount=instances, MaxCount=instances, **more
    )


def budget(usd: float, **more: Any) -> dict[str, Any]:
    limited = {"BudgetLimit": {"Amount": str(usd), "Unit": "USD"}}
    return {"BudgetName": "monthly", "BudgetType": "COST", "TimeUnit": "MONTHLY"} | limited | more


def over(threshold: float, kind: str = "ACTUAL", **more: Any) -> dict[str, Any]:
    params = {"NotificationType": kind, "ComparisonOperator": "GREATER_THAN", "Threshold": threshold}
    return params | {"ThresholdType": "PERCENTAGE"} | more


def create(account: Account, new: dict[str, Any], *notifications: dict[str, Any]) -> None:
    account.client("budgets").create_budget(
        AccountId=account.id,
        Budget=new,
        NotificationsWithSubscribers=[{"Notification": details, "Subscribers": [EMAIL]} for details in notifications],
    )


def spend(account: Account, name: str = "monthly") -> tuple[float, float]:
    """(actual spend, forecasted spend) of a budget."""
    described = account.client("budgets").describe_budget(AccountId=account.id, BudgetName=name)["Budget"]
    calculated = described["CalculatedSpend"]
    return float(calculated["ActualSpend"]["Amount"]), float(calculated["ForecastedSpend"]["Amount"])


def sent(account: Account) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = control(account, "GET", "notifications")["notifications"]
    return messages


def month_to_date(account: Account) -> float:
    return float(control(account, "GET", "cost")["month"]["usd"])


def refused(call: Any, **params: Any) -> str:
    """The error code of a call."""
    with pytest.raises(ClientError) as error:
        call(**params)
    code: str = error.value.response["Error"]["Code"]
    return code


# --- spend


def test_the_spend_of_a_budget_is_the_bill_of_all_regions(february: Account) -> None:
    create(february, budget(100))
    for region in ("eu-west-3", "us-east-1"):
        launch(Account(february.url, february.id, region=region), 2)
    advance(february, "10h")
    actual, forecast = spend(february)
    assert actual == pytest.approx(month_to_date(february), abs=0.001)
    assert actual > 10 * 2 * (0.0132 + 0.0116)
    hours = (next_month_start(now(february)) - now(february)) / 3600
    assert forecast == pytest.approx(actual + actual / 10 * hours, rel=0.02), "if nothing changes"


FILTERS: list[tuple[dict[str, Any], float]] = [
    ({"CostFilters": {"Service": ["Amazon Elastic Compute Cloud - Compute"]}}, 10 * (2 * 0.0132 + 0.0116)),
    ({"CostFilters": {"Service": ["Amazon Elastic Compute Cloud - Compute"], "Region": ["us-east-1"]}}, 10 * 0.0116),
    ({"CostFilters": {"UsageType": ["EUW3-BoxUsage:t2.micro"]}}, 10 * 2 * 0.0132),
    ({"CostFilters": {"TagKeyValue": ["user:team$web"], "Operation": ["RunInstances"]}}, 10 * 0.0132),
    ({"CostFilters": {"LinkedAccount": ["999999999999"]}}, 0),
    ({"FilterExpression": {"Dimensions": {"Key": "INSTANCE_TYPE", "Values": ["t2.micro"]}}}, 10 * 0.038),
    ({"FilterExpression": {"Tags": {"Key": "team", "Values": ["web"]}}, "Metrics": ["UnblendedCost"]}, 10 * 0.0132),
]


def test_a_budget_counts_the_charges_that_pass_its_filters(february: Account) -> None:
    for number, (filters, _) in enumerate(FILTERS):
        create(february, budget(100, BudgetName=f"b{number}", **filters))
    tagged = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "web"}]}]
    launch(february, TagSpecifications=tagged)
    launch(february)
    launch(Account(february.url, february.id, region="us-east-1"))
    advance(february, "10h")
    spent = [spend(february, f"b{number}")[0] for number in range(len(FILTERS))]
    assert spent == pytest.approx([expected for _, expected in FILTERS], abs=0.002)


def test_a_usage_budget_counts_quantities(february: Account) -> None:
    hours = budget(
        1,
        BudgetType="USAGE",
        BudgetLimit={"Amount": "750", "Unit": "Hrs"},
        CostFilters={"UsageTypeGroup": ["EC2: Running Hours"]},
    )
    create(february, hours)
    launch(february, 12)
    advance(february, "10h")
    assert spend(february)[0] == pytest.approx(120, abs=0.1)


def test_credits_count_unless_the_budget_excludes_them(february: Account) -> None:
    control(february, "POST", "regime", regime="credits", plan="paid")
    create(february, budget(100))
    create(february, budget(100, BudgetName="gross", CostTypes={"IncludeCredit": False}))
    launch(february, 5)
    advance(february, "10h")
    assert spend(february)[0] == 0
    assert spend(february, "gross")[0] > 10 * 5 * 0.0132


def test_blended_costs_have_the_same_total(february: Account) -> None:
    control(february, "POST", "regime", regime="legacy")
    create(february, budget(100))
    create(february, budget(100, BudgetName="blended", CostTypes={"UseBlended": True}))
    launch(february, 12)
    advance(february, "70h")
    assert spend(february)[0] > 0
    assert spend(february, "blended")[0] == pytest.approx(spend(february)[0], abs=0.01)


def test_a_daily_budget_starts_again_each_day(february: Account) -> None:
    create(february, budget(1, TimeUnit="DAILY"))
    launch(february, 10)
    advance(february, "30h")
    assert spend(february)[0] == pytest.approx(month_to_date(february) / 30 * 6, rel=0.01)


def test_the_history_of_a_budget_lists_its_periods(february: Account) -> None:
    client, began = february.client("budgets"), now(february)
    create(february, budget(20))
    create(february, budget(200, BudgetName="yearly", TimeUnit="ANNUALLY"))
    launch(february, 1)
    control(february, "POST", "advance", to=format_timestamp(next_month_start(began) + 86400))
    params = {"AccountId": february.id, "BudgetName": "monthly"}
    described = client.describe_budget_performance_history(**params)["BudgetPerformanceHistory"]
    first, second = described["BudgetedAndActualAmountsList"]
    assert first["BudgetedAmount"] == {"Amount": "20.0", "Unit": "USD"}
    assert float(first["ActualAmount"]["Amount"]) > 20 * float(second["ActualAmount"]["Amount"]) > 0
    assert first["TimePeriod"]["End"] == second["TimePeriod"]["Start"]
    page = client.describe_budget_performance_history(**params, MaxResults=1)
    assert len(page["BudgetPerformanceHistory"]["BudgetedAndActualAmountsList"]) == 1
    assert "NextToken" in page
    yearly = {"AccountId": february.id, "BudgetName": "yearly"}
    assert refused(client.describe_budget_performance_history, **yearly) == "InvalidParameterException"


def test_planned_limits_apply_in_their_months(february: Account) -> None:
    this, later = int(now(february)), next_month_start(now(february))
    planned = budget(1)
    del planned["BudgetLimit"]
    planned["PlannedBudgetLimits"] = {
        str(this // 3600 * 3600): {"Amount": "10", "Unit": "USD"},
        str(later): {"Amount": "30", "Unit": "USD"},
    }
    create(february, planned)
    assert described(february)["BudgetLimit"]["Amount"] == "10.0"
    control(february, "POST", "advance", to=format_timestamp(later))
    assert described(february)["BudgetLimit"]["Amount"] == "30.0"


def described(account: Account, **more: Any) -> dict[str, Any]:
    budget: dict[str, Any] = account.client("budgets").describe_budget(
        AccountId=account.id, BudgetName="monthly", **more
    )["Budget"]
    return budget


def test_a_filter_is_shown_as_an_expression_on_request(billing_account: Account) -> None:
    create(billing_account, budget(5, CostFilters={"Region": ["eu-west-3"]}))
    assert "FilterExpression" not in described(billing_account)
    shown = described(billing_account, ShowFilterExpression=True)["FilterExpression"]
    assert shown == {"Dimensions": {"Key": "REGION", "Values": ["eu-west-3"]}}


def test_a_budget_is_deleted_when_its_time_is_over(february: Account) -> None:
    end = datetime.fromtimestamp(now(february), UTC) + timedelta(days=2)
    create(february, budget(5, TimePeriod={"End": end}))
    advance(february, "47h")
    assert described(february)["BudgetName"] == "monthly"
    advance(february, "2h")
    client = february.client("budgets")
    assert refused(client.describe_budget, AccountId=february.id, BudgetName="monthly") == "NotFoundException"


# --- notifications


def test_an_actual_amount_is_notified_once_a_month(february: Account) -> None:
    create(february, budget(2), over(50), over(80))
    launch(february)
    advance(february, "1d")
    assert sent(february) == []
    control(february, "POST", "advance", to=format_timestamp(next_month_start(now(february)) - 60))
    assert [(message["budget"], message["threshold"]["Amount"]) for message in sent(february)] == [
        ("monthly", "1.0"),
        ("monthly", "1.6"),
    ]
    first = sent(february)[0]
    assert 1 < float(first["spend"]["Amount"]) < 1.4, "AWS evaluates three times a day"
    assert (first["type"], first["subscribers"], first["account"]) == ("ACTUAL", ["owner@example.com"], february.id)
    assert ("monthly", "notification: ACTUAL") in [(event["subject"], event["what"]) for event in events(february)]
    assert any("USD is over 80 % of 2.00 USD" in event["because"] for event in events(february))
    advance(february, "25d")
    assert len(sent(february)) == 4, "and again in the next month"


def test_a_message_has_the_layout_of_aws(february: Account) -> None:
    create(february, budget(0.5), over(80))
    launch(february, 2)
    advance(february, "1d")
    (only,) = sent(february)
    assert only["subject"] == "AWS Budgets: monthly has exceeded your alert threshold"
    lines = only["message"].splitlines()
    assert lines[0].startswith("AWS Budget Notification ")
    assert lines[1] == f"AWS Account {february.id}"
    amount = f"${float(only['spend']['Amount']):,.2f}"
    assert lines[5].startswith(
        "You requested that we alert you when the ACTUAL Cost associated with your monthly budget is greater than "
        f"$0.40 for the current month. The ACTUAL Cost associated with this budget is {amount}."
    )
    assert lines[7:13] == [
        "Budget Name: monthly",
        "Budget Type: Cost",
        "Budgeted Amount: $0.50",
        "Alert Type: ACTUAL",
        "Alert Threshold: > $0.40",
        f"ACTUAL Amount: {amount}",
    ]


def test_a_forecast_is_notified_long_before_the_money_is_spent(february: Account) -> None:
    create(february, budget(10), over(100, "FORECASTED"), over(100))
    launch(february)
    advance(february, "2d")
    (only,) = sent(february)
    assert (only["type"], float(only["spend"]["Amount"]) > 10) == ("FORECASTED", True)
    assert month_to_date(february) < 2
    control(february, "POST", "advance", to="2026-03-01T12:00:00Z")
    kinds = [(message["type"], message["time"][:7]) for message in sent(february)]
    assert kinds == [("FORECASTED", "2026-02"), ("ACTUAL", "2026-02"), ("FORECASTED", "2026-03")]


def test_thresholds_can_be_amounts_and_lower_bounds(february: Account) -> None:
    absolute = over(2, ThresholdType="ABSOLUTE_VALUE")
    under = over(50, ComparisonOperator="LESS_THAN")
    create(february, budget(100), absolute, under)
    launch(february, 12)
    advance(february, "1d")
    assert [message["threshold"]["Amount"] for message in sent(february)] == ["50.0", "2.0"]


def states(account: Account) -> list[str]:
    described = account.client("budgets").describe_notifications_for_budget(AccountId=account.id, BudgetName="monthly")
    return [notification["NotificationState"] for notification in described["Notifications"]]


def test_a_notification_is_in_alarm_until_the_month_is_over(february: Account) -> None:
    create(february, budget(2), over(50))
    assert states(february) == ["OK"]
    launch(february)
    advance(february, "3d")
    assert states(february) == ["ALARM"]
    control(february, "POST", "advance", to=format_timestamp(next_month_start(now(february)) + 7 * 3600))
    assert states(february) == ["OK"]


def test_a_day_has_three_evaluations_and_none_without_notifications(february: Account) -> None:
    client, where = february.client("budgets"), {"AccountId": february.id, "BudgetName": "monthly"}

    def next_moment() -> str | None:
        timestamp: str | None = control(february, "GET", "clock")["next"]
        return timestamp

    create(february, budget(20))
    assert next_moment() is None
    client.create_notification(**where, Notification=over(50), Subscribers=[EMAIL])
    expected = ["2026-02-01T07:00:00Z", "2026-02-01T15:00:00Z", "2026-02-01T23:00:00Z", "2026-02-02T07:00:00Z"]
    for evaluation in expected:
        assert next_moment() == evaluation
        control(february, "POST", "advance", to=evaluation)
    client.delete_notification(**where, Notification=over(50))
    assert next_moment() is None


PUBLISHES = """{"Statement": [{"Effect": "Allow", "Principal": {"Service": "budgets.amazonaws.com"},
    "Action": "SNS:Publish", "Resource": "*"}]}"""


def test_a_topic_whose_policy_allows_it_gets_the_message(february: Account) -> None:
    sns, sqs = february.client("sns"), february.client("sqs")
    topics = {name: sns.create_topic(Name=name)["TopicArn"] for name in ("open", "closed")}
    sns.set_topic_attributes(TopicArn=topics["open"], AttributeName="Policy", AttributeValue=PUBLISHES)
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for topic in topics.values():
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    for number, topic in enumerate([*topics.values(), f"{topics['open']}-gone"]):
        february.client("budgets").create_budget(
            AccountId=february.id,
            Budget=budget(1, BudgetName=f"b{number}"),
            NotificationsWithSubscribers=[
                {"Notification": over(50), "Subscribers": [{"SubscriptionType": "SNS", "Address": topic}]}
            ],
        )
    launch(february, 12)
    advance(february, "1d")
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert ["Budget Name: b0" in message["Body"] for message in received] == [True]
    reasons = {
        event["subject"]: event["because"]
        for event in events(february)
        if event["what"] == "notification not published"
    }
    assert set(reasons) == {"b1", "b2"}
    assert ("does not allow budgets.amazonaws.com" in reasons["b1"], "there is no topic" in reasons["b2"]) == (
        True,
        True,
    )


# --- operations on notifications and subscribers


def test_notifications_and_subscribers_can_be_changed(billing_account: Account) -> None:
    client, where = billing_account.client("budgets"), {"AccountId": billing_account.id, "BudgetName": "monthly"}
    create(billing_account, budget(20), over(50))
    topic = {"SubscriptionType": "SNS", "Address": f"arn:aws:sns:eu-west-3:{billing_account.id}:t"}
    other = {"SubscriptionType": "EMAIL", "Address": "other@example.com"}
    client.create_subscriber(**where, Notification=over(50), Subscriber=topic)
    client.update_subscriber(**where, Notification=over(50), OldSubscriber=EMAIL, NewSubscriber=other)
    client.update_notification(**where, OldNotification=over(50), NewNotification=over(90))
    assert client.describe_subscribers_for_notification(**where, Notification=over(90))["Subscribers"] == [topic, other]
    client.delete_subscriber(**where, Notification=over(90), Subscriber=topic)
    client.delete_subscriber(**where, Notification=over(90), Subscriber=other)
    assert client.describe_notifications_for_budget(**where)["Notifications"] == [], (
        "it was deleted with its last subscriber"
    )
    client.create_notification(**where, Notification=over(10), Subscribers=[EMAIL])
    described = client.describe_budget_notifications_for_account(AccountId=billing_account.id)[
        "BudgetNotificationsForAccount"
    ]
    assert described == [{"BudgetName": "monthly", "Notifications": [over(10.0, NotificationState="OK")]}]
    client.delete_notification(**where, Notification=over(10))
    assert (
        client.describe_budget_notifications_for_account(AccountId=billing_account.id)["BudgetNotificationsForAccount"]
        == []
    )


def test_budgets_come_in_pages(billing_account: Account) -> None:
    for number in range(5):
        create(billing_account, budget(5, BudgetName=f"b{number}"))
    client = billing_account.client("budgets")
    pages = list(client.get_paginator("describe_budgets").paginate(AccountId=billing_account.id, MaxResults=2))
    assert [[budget["BudgetName"] for budget in page["Budgets"]] for page in pages] == [
        ["b0", "b1"],
        ["b2", "b3"],
        ["b4"],
    ]
    params = {"AccountId": billing_account.id, "NextToken": "nowhere"}
    assert refused(client.describe_budgets, **params) == "InvalidNextTokenException"


INVALID: list[dict[str, Any]] = [
    budget(0),
    budget(5, BudgetLimit={"Amount": "5", "Unit": "EUR"}),
    budget(5, BudgetName="with:colon"),
    budget(5, BudgetName="a/action/b"),
    budget(5, CostFilters={"Colour": ["red"]}),
    budget(5, FilterExpression={"And": [{"Dimensions": {"Key": "REGION", "Values": ["eu-west-3"]}}]}),
    budget(5, PlannedBudgetLimits={"1767225600": {"Amount": "5", "Unit": "USD"}}),
    budget(5, TimePeriod={"Start": datetime(2026, 2, 1, tzinfo=UTC), "End": datetime(2026, 1, 1, tzinfo=UTC)}),
    {"BudgetName": "monthly", "BudgetType": "COST", "TimeUnit": "MONTHLY"},
]


@pytest.mark.parametrize("params", INVALID)
def test_an_invalid_budget_is_refused(billing_account: Account, params: dict[str, Any]) -> None:
    client = billing_account.client("budgets")
    assert refused(client.create_budget, AccountId=billing_account.id, Budget=params) == "InvalidParameterException"


@pytest.mark.parametrize(
    "params", [{"BudgetType": "RI_UTILIZATION"}, {"AutoAdjustData": {"AutoAdjustType": "FORECAST"}}]
)
def test_a_budget_of_reservations_is_not_simulated(billing_account: Account, params: dict[str, Any]) -> None:
    client = billing_account.client("budgets")
    assert refused(client.create_budget, AccountId=billing_account.id, Budget=budget(5, **params)) == "NotSimulated"


def test_missing_and_duplicate_records_are_refused(billing_account: Account) -> None:
    client, where = billing_account.client("budgets"), {"AccountId": billing_account.id, "BudgetName": "monthly"}
    create(billing_account, budget(20), over(50))
    absent = where | {"BudgetName": "absent"}
    assert {
        refused(client.describe_budget, **absent),
        refused(client.describe_notifications_for_budget, **absent),
        refused(client.delete_budget, **absent),
        refused(client.create_notification, **absent, Notification=over(1), Subscribers=[EMAIL]),
        refused(client.update_budget, AccountId=billing_account.id, NewBudget=budget(1, BudgetName="absent")),
        refused(client.describe_subscribers_for_notification, **where, Notification=over(51)),
        refused(client.delete_notification, **where, Notification=over(51)),
        refused(client.delete_subscriber, **where, Notification=over(50), Subscriber=EMAIL | {"Address": "a@b.c"}),
    } == {"NotFoundException"}
    assert {
        refused(client.create_budget, AccountId=billing_account.id, Budget=budget(1)),
        refused(client.create_notification, **where, Notification=over(50), Subscribers=[EMAIL]),
        refused(client.create_subscriber, **where, Notification=over(50), Subscriber=EMAIL),
    } == {"DuplicateRecordException"}


def test_a_budget_has_at_most_ten_notifications_with_ten_addresses(billing_account: Account) -> None:
    client, where = billing_account.client("budgets"), {"AccountId": billing_account.id, "BudgetName": "monthly"}
    create(billing_account, budget(20), *(over(number) for number in range(1, 11)))
    eleventh = {"Notification": over(11), "Subscribers": [EMAIL]}
    assert refused(client.create_notification, **where, **eleventh) == "CreationLimitExceededException"
    for number in range(9):
        subscriber = {"SubscriptionType": "EMAIL", "Address": f"{number}@example.com"}
        client.create_subscriber(**where, Notification=over(1), Subscriber=subscriber)
    one_more = {"SubscriptionType": "EMAIL", "Address": "one.more@example.com"}
    code = refused(client.create_subscriber, **where, Notification=over(1), Subscriber=one_more)
    assert code == "CreationLimitExceededException"


@pytest.mark.parametrize(
    ("kind", "address"), [("EMAIL", "no-at-sign"), ("SNS", "topic"), ("SNS", "arn:aws:sqs:eu-west-3:123456789012:q")]
)
def test_an_invalid_address_is_refused(billing_account: Account, kind: str, address: str) -> None:
    client, where = billing_account.client("budgets"), {"AccountId": billing_account.id, "BudgetName": "monthly"}
    create(billing_account, budget(20))
    subscribers = [{"SubscriptionType": kind, "Address": address}]
    code = refused(client.create_notification, **where, Notification=over(50), Subscribers=subscribers)
    assert code == "InvalidParameterException"


def test_a_budget_with_two_equal_notifications_is_refused(billing_account: Account) -> None:
    twice = [{"Notification": over(50), "Subscribers": [EMAIL]}] * 2
    client, params = billing_account.client("budgets"), {"AccountId": billing_account.id, "Budget": budget(20)}
    code = refused(client.create_budget, **params, NotificationsWithSubscribers=twice)
    assert code == "DuplicateRecordException"
    assert client.describe_budgets(AccountId=billing_account.id)["Budgets"] == []


def test_an_update_of_a_budget_keeps_its_period_and_notifications(billing_account: Account) -> None:
    create(billing_account, budget(20), over(50))
    before = described(billing_account)
    billing_account.client("budgets").update_budget(AccountId=billing_account.id, NewBudget=budget(30))
    after = described(billing_account)
    assert after["TimePeriod"] == before["TimePeriod"]
    assert (after["BudgetLimit"]["Amount"], states(billing_account)) == ("30", ["OK"])


# --- pure functions


@pytest.mark.parametrize(
    ("unit", "start", "end"),
    [
        ("DAILY", "2028-02-29", "2028-03-01"),
        ("MONTHLY", "2028-02-01", "2028-03-01"),
        ("QUARTERLY", "2028-01-01", "2028-04-01"),
        ("ANNUALLY", "2028-01-01", "2029-01-01"),
    ],
)
def test_a_leap_day_lies_in_its_period(unit: str, start: str, end: str) -> None:
    assert period_containing(unit, parse_timestamp("2028-02-29T13:37Z")) == Period(
        int(parse_timestamp(start)), int(parse_timestamp(end))
    )


@given(st.integers(0, 4_000_000_000), st.sampled_from(["DAILY", "MONTHLY", "QUARTERLY", "ANNUALLY"]))
def test_periods_follow_each_other_without_a_gap(when: int, unit: str) -> None:
    period = period_containing(unit, when)
    assert period.start <= when < period.end
    assert period_containing(unit, period.end).start == period.end
    assert period_containing(unit, period.start) == period


@pytest.mark.parametrize(("amount", "text"), [("0", "0.0"), ("17.2", "17.2"), ("45.0641", "45.064"), ("20", "20.0")])
def test_an_amount_has_three_decimals(amount: str, text: str) -> None:
    assert Spend(Decimal(amount), "USD").to_dict() == {"Amount": text, "Unit": "USD"}


def test_planned_limits_begin_in_order() -> None:
    planned = {"PlannedBudgetLimits": {str(start): {"Amount": str(start), "Unit": "USD"} for start in (100, 200, 1000)}}
    amounts = [int(budget_limit(planned, when).amount) for when in (50, 100, 199, 200, 999, 5000)]
    assert amounts == [100, 100, 100, 200, 200, 1000]


def test_cost_filters_become_an_expression() -> None:
    assert cost_filters_to_expression({}) is None
    assert cost_filters_to_expression({"UsageTypeGroup": ["EC2: Running Hours"]}) == {
        "Dimensions": {"Key": "USAGE_TYPE_GROUP", "Values": ["EC2: Running Hours"]}
    }
    tags = cost_filters_to_expression(
        {"AZ": ["eu-west-3a"], "TagKeyValue": ["user:team$web", "user:team$api", "user:stage$prod"]}
    )
    assert tags == {
        "And": [
            {"Dimensions": {"Key": "AZ", "Values": ["eu-west-3a"]}},
            {"Tags": {"Key": "team", "Values": ["web", "api"]}},
            {"Tags": {"Key": "stage", "Values": ["prod"]}},
        ]
    }


@pytest.mark.parametrize(
    ("operator", "spent", "expected"),
    [
        ("GREATER_THAN", "16.01", True),
        ("GREATER_THAN", "16.00", False),
        ("LESS_THAN", "15.99", True),
        ("LESS_THAN", "16.00", False),
        ("EQUAL_TO", "16.001", True),
        ("EQUAL_TO", "16.01", False),
    ],
)
def test_a_threshold_is_crossed_to_the_cent(operator: str, spent: str, expected: bool) -> None:
    notification = over(80, ComparisonOperator=operator)
    threshold = notifications.threshold_spend(budget(20), notification)
    assert threshold == Spend(Decimal(16), "USD")
    assert notifications.is_crossed(notification, Spend(Decimal(spent), "USD"), threshold) is expected


def test_cost_types_that_are_not_mentioned_are_included() -> None:
    types = amounts.cost_types({"CostTypes": {"IncludeCredit": False}})
    assert (types["IncludeCredit"], types["IncludeTax"], types["UseBlended"]) == (False, True, False)
