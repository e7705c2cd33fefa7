"""Account plans: credits and activities, the limits of the free plan, its end, and upgrades."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws_server.billing.calendar import add_months
from local_aws_server.clock.clock import format_timestamp
from tests.local.billing import reset
from tests.local.conftest import Account
from tests.local.timing import advance, control, events, now

_accounts = count(500_000_000_000)

FREE_TYPES = {"t3.micro", "t3.small", "t4g.micro", "t4g.small", "c7i-flex.large", "m7i-flex.large"}


def refused(call: Any, **params: Any) -> tuple[str, str]:
    """(code, message) of the error of a call."""
    with pytest.raises(ClientError) as error:
        call(**params)
    response = error.value.response["Error"]
    return response["Code"], response["Message"]


@pytest.fixture
def free(billing_account: Account) -> Account:
    """An account on the free plan."""
    control(billing_account, "POST", "regime", regime="credits", plan="free")
    return billing_account


@pytest.fixture(scope="module")
def aging_server(billing_server: str) -> str:
    """The billing server from January 2026 on; its tests advance the clock by months."""
    return reset(billing_server).url


@pytest.fixture
def aging(aging_server: str) -> Account:
    """An account on the free plan that can grow old."""
    account = Account(aging_server, str(next(_accounts)))
    control(account, "POST", "regime", regime="credits", plan="free")
    return account


def run(account: Account, instances: int = 1, instance_type: str = "t3.micro", **more: Any) -> Any:
    return account.client("ec2").run_instances(
        ImageId="ami-760aaa0f", InstanceType=instance_type, MinCount=instances, MaxCount=instances, **more
    )


def raise_vcpus(account: Account, value: float = 64) -> None:
    """Have the quota of running vCPUs raised, and wait until it holds."""
    quotas = account.client("service-quotas")
    quotas.request_service_quota_increase(ServiceCode="ec2", QuotaCode="L-1216C47A", DesiredValue=value)
    advance(account, "30m")


def plan(account: Account) -> dict[str, Any]:
    response: dict[str, Any] = account.client("freetier").get_account_plan_state()
    del response["ResponseMetadata"]
    return response


def left(account: Account) -> float:
    amount: float = plan(account)["accountPlanRemainingCredits"]["amount"]
    return amount


# --- limits


def test_the_free_plan_launches_only_its_own_instance_types(free: Account) -> None:
    code, message = refused(run, account=free, instance_type="t2.micro")
    assert code == "InvalidParameterCombination"
    assert message.startswith("The specified instance type is not eligible for Free Tier.")
    assert run(free, instance_type="t3.small")["Instances"][0]["InstanceType"] == "t3.small"
    control(free, "POST", "regime", regime="credits", plan="paid")
    run(free, instance_type="t2.micro")


def test_a_launch_template_is_limited_too(free: Account) -> None:
    ec2 = free.client("ec2")
    template = {"ImageId": "ami-760aaa0f", "InstanceType": "t2.nano"}
    ec2.create_launch_template(LaunchTemplateName="t", LaunchTemplateData=template)
    params = {"LaunchTemplate": {"LaunchTemplateName": "t"}, "MinCount": 1, "MaxCount": 1}
    assert refused(ec2.run_instances, **params)[0] == "InvalidParameterCombination"
    ec2.run_instances(**params, InstanceType="t3.micro")


def test_an_auto_scaling_group_with_another_type_fails_to_launch(free: Account) -> None:
    _, subnets, _ = free.network()
    free.client("ec2").create_launch_template(
        LaunchTemplateName="hosts", LaunchTemplateData={"ImageId": "ami-760aaa0f", "InstanceType": "t2.micro"}
    )
    scaling = free.client("autoscaling")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="g",
        LaunchTemplate={"LaunchTemplateName": "hosts"},
        MinSize=1,
        MaxSize=1,
        VPCZoneIdentifier=subnets[0],
    )
    (activity,) = scaling.describe_scaling_activities(AutoScalingGroupName="g")["Activities"]
    assert activity["StatusCode"] == "Failed"
    assert activity["StatusMessage"].startswith("The specified instance type is not eligible for Free Tier.")
    assert free.client("ec2").describe_instances()["Reservations"] == []


def test_an_instance_type_cannot_be_changed_to_an_ineligible_one(free: Account) -> None:
    ec2 = free.client("ec2")
    instance = run(free)["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance])
    ec2.stop_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance])
    code, _ = refused(ec2.modify_instance_attribute, InstanceId=instance, InstanceType={"Value": "t3.large"})
    assert code == "FreeTierRestrictionError"
    ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t3.small"})


@pytest.mark.parametrize(
    ("regime", "region", "eligible"),
    [
        ("credits", "eu-west-3", FREE_TYPES),
        ("legacy", "eu-west-3", {"t2.micro"}),
        ("none", "us-east-1", {"t2.micro"}),
        ("legacy", "eu-north-1", {"t2.micro", "t3.micro"}),
    ],
)
def test_eligible_instance_types_depend_on_the_account_and_region(
    billing_account: Account, regime: str, region: str, eligible: set[str]
) -> None:
    control(billing_account, "POST", "regime", regime=regime)
    ec2 = Account(billing_account.url, billing_account.id, region=region).client("ec2")
    pages = ec2.get_paginator("describe_instance_types").paginate(
        Filters=[{"Name": "free-tier-eligible", "Values": ["true"]}]
    )
    assert {row["InstanceType"] for page in pages for row in page["InstanceTypes"]} == eligible
    described = ec2.describe_instance_types(InstanceTypes=["t2.micro", "t3.small"])["InstanceTypes"]
    assert {row["InstanceType"]: row["FreeTierEligible"] for row in described} == {
        name: name in eligible for name in ("t2.micro", "t3.small")
    }


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"DBInstanceClass": "db.t3.small"}, "instance size"),
        ({"DBInstanceClass": "db.m7g.large"}, "instance size"),
        ({"DBInstanceClass": "db.t4g.micro", "BackupRetentionPeriod": 7}, "backup retention period"),
    ],
)
def test_the_free_plan_allows_micro_databases_with_a_day_of_backups(
    free: Account, params: dict[str, Any], reason: str
) -> None:
    rds = free.client("rds")
    database = {
        "DBInstanceIdentifier": "d",
        "Engine": "postgres",
        "AllocatedStorage": 20,
        "MasterUsername": "seccom",
        "MasterUserPassword": "password",
    }
    code, message = refused(rds.create_db_instance, **database, **params)
    assert (code, reason in message) == ("FreeTierRestrictionError", True), message
    rds.create_db_instance(**database, DBInstanceClass="db.t4g.micro", BackupRetentionPeriod=1)
    assert refused(rds.modify_db_instance, DBInstanceIdentifier="d", **params)[0] == "FreeTierRestrictionError"


# --- state, upgrade and activities


def test_the_state_of_a_free_plan_has_credits_and_an_end(free: Account) -> None:
    response = plan(free)
    assert abs(response.pop("accountPlanExpirationDate").timestamp() - add_months(now(free), 6)) < 86400
    assert response == {
        "accountId": free.id,
        "accountPlanType": "FREE",
        "accountPlanStatus": "ACTIVE",
        "accountPlanRemainingCredits": {"amount": 100.0, "unit": "USD"},
    }


def test_a_paid_plan_has_no_end(billing_account: Account) -> None:
    control(billing_account, "POST", "regime", regime="credits", plan="paid")
    assert "accountPlanExpirationDate" not in plan(billing_account)
    assert plan(billing_account)["accountPlanType"] == "PAID"


def test_an_account_with_credits_shows_when_it_was_opened(billing_account: Account) -> None:
    account = billing_account.client("account")
    control(billing_account, "POST", "regime", regime="legacy")
    assert refused(account.get_account_information)[0] == "NotSimulated"
    opened = control(billing_account, "POST", "regime", regime="credits", plan="paid")
    response = account.get_account_information()
    assert (response["AccountId"], response["AccountState"]) == (billing_account.id, "ACTIVE")
    assert abs(response["AccountCreatedDate"].timestamp() - now(billing_account)) < 60
    assert opened["regime"] == "credits"


@pytest.mark.parametrize("regime", ["legacy", "none"])
def test_an_account_without_credits_has_neither_a_plan_nor_activities(billing_account: Account, regime: str) -> None:
    control(billing_account, "POST", "regime", regime=regime)
    freetier = billing_account.client("freetier")
    assert refused(freetier.get_account_plan_state)[0] == "ResourceNotFoundException"
    assert refused(freetier.upgrade_account_plan, accountPlanType="PAID")[0] == "ResourceNotFoundException"
    assert freetier.list_account_activities()["activities"] == []


def test_a_plan_can_be_upgraded_but_not_downgraded(free: Account) -> None:
    freetier = free.client("freetier")
    assert refused(freetier.upgrade_account_plan, accountPlanType="FREE")[0] == "ValidationException"
    response = freetier.upgrade_account_plan(accountPlanType="PAID")
    assert (response["accountPlanType"], response["accountPlanStatus"]) == ("PAID", "ACTIVE")
    run(free, instance_type="t2.micro")
    assert (free.id, "account plan upgraded") in [(event["subject"], event["what"]) for event in events(free)]


def test_a_first_instance_database_function_and_budget_earn_20_usd_each(free: Account) -> None:
    freetier = free.client("freetier")
    offered = freetier.list_account_activities()["activities"]
    assert {activity["status"] for activity in offered} == {"NOT_STARTED"}
    assert [activity["reward"]["credit"]["amount"] for activity in offered] == [20.0] * 5
    run(free)
    run(free)
    assert left(free) == pytest.approx(120, abs=0.01)
    limit = {"Amount": "5", "Unit": "USD"}
    budget = {"BudgetName": "b", "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit}
    free.client("budgets").create_budget(AccountId=free.id, Budget=budget)
    assert left(free) == pytest.approx(140, abs=0.01)
    done = freetier.list_account_activities(filterActivityStatuses=["COMPLETED"])["activities"]
    assert [activity["title"] for activity in done] == [
        "Launch an instance using EC2",
        "Set up a cost budget using AWS Budgets",
    ]
    response = freetier.get_account_activity(activityId=done[0]["activityId"])
    assert abs(response["completedAt"].timestamp() - now(free)) < 60
    assert "completedAt" not in freetier.get_account_activity(activityId=offered[1]["activityId"])
    assert refused(freetier.get_account_activity, activityId="0" * 32)[0] == "ResourceNotFoundException"


# --- end


def closing_reasons(account: Account) -> list[str]:
    """The reasons of the events that closed the account."""
    return [event["because"] for event in events(account) if event["what"] == "account closed"]


def test_the_account_is_closed_when_its_credits_are_spent_and_never_charged(aging: Account) -> None:
    raise_vcpus(aging)
    run(aging, 12)
    per_hour = float(control(aging, "GET", "cost")["list_per_hour"])
    hours = 120 / per_hour
    advance(aging, f"{hours - 1:.2f}h")
    assert (plan(aging)["accountPlanStatus"], left(aging)) == ("ACTIVE", pytest.approx(per_hour, abs=0.1))
    advance(aging, "2h")
    assert (plan(aging)["accountPlanStatus"], left(aging)) == ("EXPIRED", 0)
    assert closing_reasons(aging) == ["its 120 USD of credits are used up"]
    assert float(control(aging, "GET", "cost")["month"]["usd"]) == pytest.approx(0, abs=0.01)
    advance(aging, "10d")
    assert control(aging, "GET", "cost")["list_per_hour"] == "0", "nothing is metered in a closed account"


def test_the_account_is_closed_after_six_months_with_credits_left(aging: Account) -> None:
    control(aging, "POST", "advance", to=format_timestamp(add_months(now(aging), 6) + 60))
    assert refused(aging.client("ec2").describe_vpcs)[0] == "OptInRequired"
    assert closing_reasons(aging) == ["the six months of its free plan are over"]
    assert plan(aging)["accountPlanStatus"] == "EXPIRED"


def test_a_paid_account_stays_open_when_its_credits_are_spent(aging: Account) -> None:
    aging.client("freetier").upgrade_account_plan(accountPlanType="PAID")
    raise_vcpus(aging)
    run(aging, 12)
    hours = 120 / float(control(aging, "GET", "cost")["list_per_hour"])
    advance(aging, f"{hours + 10:.2f}h")
    assert (plan(aging)["accountPlanStatus"], left(aging)) == ("ACTIVE", 0)
    assert float(control(aging, "GET", "cost")["per_hour"]) > 0
    assert closing_reasons(aging) == []


@pytest.fixture(scope="module")
def closed_account(aging_server: str) -> Account:
    """An account with an instance, a queue and a bucket that is closed."""
    account = Account(aging_server, str(next(_accounts)))
    control(account, "POST", "regime", regime="credits", plan="free")
    run(account)
    account.client("sqs").create_queue(QueueName="q")
    control(account, "POST", "advance", to=format_timestamp(add_months(now(account), 6) + 60))
    return account


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("ec2", "describe_instances", "OptInRequired", 401),
        ("s3", "list_buckets", "NotSignedUp", 403),
        ("rds", "describe_db_instances", "OptInRequired", 403),
        ("iam", "list_roles", "OptInRequired", 403),
        ("ecs", "list_clusters", "SubscriptionRequiredException", 400),
        ("lambda", "list_functions", "SubscriptionRequiredException", 400),
        ("freetier", "get_free_tier_usage", "SubscriptionRequiredException", 400),
    ],
)
def test_each_service_refuses_a_closed_account_with_its_own_error(
    closed_account: Account, service: str, operation: str, code: str, status: int
) -> None:
    with pytest.raises(ClientError) as error:
        getattr(closed_account.client(service), operation)()
    response = error.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_a_closed_account_can_call_get_caller_identity(closed_account: Account) -> None:
    assert closed_account.client("sts").get_caller_identity()["Account"] == closed_account.id


def test_an_upgrade_opens_a_closed_account_with_its_resources(aging: Account) -> None:
    instance = run(aging)["Instances"][0]["InstanceId"]
    control(aging, "POST", "advance", to=format_timestamp(add_months(now(aging), 6) + 60))
    advance(aging, "60d")
    aging.client("freetier").upgrade_account_plan(accountPlanType="PAID")
    described = aging.client("ec2").describe_instances()["Reservations"][0]["Instances"][0]
    assert described["InstanceId"] == instance
    before = float(control(aging, "GET", "cost")["month"]["list_usd"])
    advance(aging, "1h")
    assert float(control(aging, "GET", "cost")["month"]["list_usd"]) > before, "it is metered again"


def test_a_closed_account_cannot_be_opened_after_90_days(aging: Account) -> None:
    run(aging)
    control(aging, "POST", "advance", to=format_timestamp(add_months(now(aging), 6) + 60))
    advance(aging, "91d")
    freetier = aging.client("freetier")
    assert refused(freetier.upgrade_account_plan, accountPlanType="PAID")[0] == "AccessDeniedException"
    assert datetime.fromtimestamp(now(aging), UTC) > plan(aging)["accountPlanExpirationDate"]
